// How much a client may ask for on one connection before it was answered (HTTP/1.1 pipelining): Node takes in all there is.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const unanswered = new WeakMap<Socket, number>();

/** True: it is too much; the connection is ended, and there is nothing to answer. */
export function asksTooMuch({ socket }: IncomingMessage, response: ServerResponse, most: number): boolean {
  if (socket.destroyed) return true;
  const count = (unanswered.get(socket) ?? 0) + 1;
  unanswered.set(socket, count);
  response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
  if (count <= most) return false;
  socket.destroy();
  return true;
}
