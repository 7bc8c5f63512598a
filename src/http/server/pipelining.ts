// A limit for unanswered requests on one connection (HTTP/1.1 pipelining): Node itself has none.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const unanswered = new WeakMap<Socket, number>();

/** true: the connection had too many unanswered requests and was ended. */
export function asksTooMuch({ socket }: IncomingMessage, response: ServerResponse, most: number): boolean {
  if (socket.destroyed) return true;
  const count = (unanswered.get(socket) ?? 0) + 1;
  unanswered.set(socket, count);
  response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
  if (count <= most) return false;
  socket.destroy();
  return true;
}
