// One connection to opsd, over a raw socket: what a script says is sent, and what comes back is looked through.

import { connect, type NetConnectOpts, type Socket } from 'node:net';
import type { Script } from './http-grammar.ts';

export interface Outcome {
  /** Of all answers that came. */
  readonly statuses: readonly number[];
  /** The beginning of what came. */
  readonly text: string;
}

/** Who has got nothing new for so long goes away: event streams never end, half requests only after seconds. */
const PATIENCE_MS = { owed: 10_000, answered: 200, other: 80 };
const STATUS = /HTTP\/1\.1 (\d{3}) /g;
const KEPT = 2_000;

/** Never fails: that opsd hangs up is its right. */
export function converse(to: NetConnectOpts, script: Script): Promise<Outcome> {
  return new Promise((resolve) => {
    const statuses: number[] = [];
    let text = '';
    const socket = connect({ ...to, allowHalfOpen: true });
    socket.setTimeout(script.isOwed ? PATIENCE_MS.owed : PATIENCE_MS.other, () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      socket.setTimeout(PATIENCE_MS.answered);
      const piece = bytes.toString('latin1');
      for (const [, status] of piece.matchAll(STATUS)) statuses.push(Number(status));
      if (text.length < KEPT) text += piece.slice(0, KEPT - text.length);
    });
    socket.on('end', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.once('close', () => resolve({ statuses, text }));
    socket.once('connect', () => void say(socket, script));
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

/** Only TCP knows a reset. */
function isTcp(socket: Socket): boolean {
  return socket.remotePort !== undefined;
}
