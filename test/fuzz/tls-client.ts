// Clients that encrypt, most of them well: others are spoilt on the way, negotiate anew, or show certificates of strangers.

import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { Chance } from '../chaos/chance.ts';
import { type Connection, connectPlainly } from './conversation.ts';
import { nasty } from './mutations.ts';

interface Means {
  readonly port: number;
  /** Of a spoiler in front of it. */
  readonly spoilingPort: number;
  readonly ca: string;
  /** PEM; what the client may show. */
  readonly certificates: readonly { readonly cert: string; readonly key: string }[];
}

/** Node lets a client do it three times in ten minutes. */
const MOST_NEGOTIATIONS = 6;

/** `chance` null: as the best of clients does it. */
export function connectEncrypted(chance: Chance | null, means: Means): Connection {
  const { port } = means;
  const host = '127.0.0.1';
  if (chance?.is(0.03)) return { ...connectPlainly({ port, host }), isWell: false };
  const isSpoilt = chance?.is(0.2) ?? false;
  const way = { host, port: isSpoilt ? means.spoilingPort : port, allowHalfOpen: true };
  const { options, isWell } = chance === null ? { options: {}, isWell: true } : optionsOf(chance, means);
  const socket = connectTls({ ca: means.ca, rejectUnauthorized: false, servername: 'localhost', ...options, ...way });
  const negotiations = chance?.is(0.04) ? chance.between(1, MOST_NEGOTIATIONS) : 0;
  if (negotiations > 0) socket.once('secureConnect', () => negotiate(socket, negotiations));
  return { socket, ready: 'secureConnect', isWell: isWell && !isSpoilt && negotiations === 0 };
}

function optionsOf(chance: Chance, { certificates }: Means): { options: ConnectionOptions; isWell: boolean } {
  const shown = chance.is(0.15) ? (chance.pick(certificates) ?? {}) : {};
  const version: ConnectionOptions = chance.is(0.4) ? { maxVersion: 'TLSv1.2' } : {};
  if (chance.is(0.85)) return { options: { ...shown, ...version }, isWell: true };
  const odd = chance.weighted<() => ConnectionOptions>([
    [2, () => ({ ALPNProtocols: [chance.pick(['h2', 'http/1.0', 'x'.repeat(255)]) ?? 'h2'] })],
    [2, () => ({ servername: chance.pick(['', 'a'.repeat(60_000), 'x\0y', nasty(chance)]) ?? '' })],
    [1, () => ({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' })],
    [1, () => ({ ciphers: 'NULL:aNULL:@SECLEVEL=0', maxVersion: 'TLSv1.2' })],
    [1, () => ({ ecdhCurve: chance.pick(['secp521r1', 'X448', 'brainpoolP256r1']) ?? 'X448' })],
  ])();
  return { options: { ...shown, ...version, ...odd }, isWell: false };
}

/** Only TLS 1.2 knows it. */
function negotiate(socket: TLSSocket, times: number): void {
  if (times === 0 || socket.destroyed || socket.getProtocol() !== 'TLSv1.2') return;
  socket.renegotiate({ rejectUnauthorized: false }, (error) => {
    if (error === null) negotiate(socket, times - 1);
  });
}
