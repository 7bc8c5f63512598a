// One connection to opsd: what a script says is sent, and what comes back is looked through.

import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { Script } from './http-grammar.ts';

export interface Connection {
  readonly socket: Socket;
  /** The event after which it can be spoken over. */
  readonly ready: 'connect' | 'secureConnect';
  /** The client does nothing wrong below HTTP: opsd owes it what it owes to its script. */
  readonly isWell: boolean;
}

export interface Outcome {
  /** Of all answers that came. */
  readonly statuses: readonly number[];
  /** The beginning of what came. */
  readonly text: string;
}

/** Who has got nothing new for so long goes away: event streams never end, half requests only after seconds. */
const PATIENCE_MS = { owed: 10_000, answered: 200, other: 80, handshake: 400 };
const STATUS = /HTTP\/1\.1 (\d{3}) /g;
const KEPT = 2_000;

export function connectPlainly(to: NetConnectOpts): Connection {
  return { socket: connect({ ...to, allowHalfOpen: true }), ready: 'connect', isWell: true };
}

/** Never fails: that opsd hangs up is its right. */
export function converse({ socket, ready, isWell }: Connection, script: Script): Promise<Outcome> {
  return new Promise((resolve) => {
    const statuses: number[] = [];
    let text = '';
    const patience = script.isOwed && isWell ? PATIENCE_MS.owed : PATIENCE_MS.other;
    socket.setTimeout(ready === 'connect' ? patience : Math.max(patience, PATIENCE_MS.handshake), () =>
      socket.destroy(),
    );
    socket.on('data', (bytes: Buffer) => {
      socket.setTimeout(PATIENCE_MS.answered);
      const piece = bytes.toString('latin1');
      for (const [, status] of piece.matchAll(STATUS)) statuses.push(Number(status));
      if (text.length < KEPT) text += piece.slice(0, KEPT - text.length);
    });
    socket.on('end', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.once('close', () => resolve({ statuses, text }));
    socket.once(ready, () => {
      socket.setTimeout(patience);
      void say(socket, script);
    });
  });
}

async function say(socket: Socket, { pieces, ending }: Script): Promise<void> {
  if (ending === 'deaf') socket.pause();
  for (const piece of pieces) {
    if (socket.destroyed) return;
    socket.write(piece);
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  if (ending === 'half-close') socket.end();
  if (ending === 'reset') isTcp(socket) ? socket.resetAndDestroy() : socket.destroy();
}

/** Only TCP knows a reset, and a TLSSocket has none to offer. */
function isTcp(socket: Socket): boolean {
  return socket.remotePort !== undefined && !('encrypted' in socket);
}
