// The doors of the opsd that is fuzzed: what it is configured with for each, and how a client comes to it.

import { join } from 'node:path';
import type { Chance } from '../chaos/chance.ts';
import { newAuthority, type Signed } from '../support/certificates.ts';
import type { Opsd, OpsdOptions } from '../support/opsd.ts';
import { scratch } from '../support/scratch.ts';
import { type Connection, connectPlainly } from './conversation.ts';
import { type Door, TOKEN } from './http-grammar.ts';
import { newSpoiler } from './spoiler.ts';
import { connectEncrypted } from './tls-client.ts';

/** More at once of TCP would be refused by the limit for one peer. */
export const AT_ONCE: Readonly<Record<Door, number>> = { socket: 10, tcp: 10, tls: 16 };

interface Doors extends AsyncDisposable {
  /** Lines of the table [daemon]. */
  readonly daemon: string;
  readonly options: Pick<OpsdOptions, 'files'>;
  /** As a client that errs, on purpose or not. */
  open(opsd: Opsd, door: Door, chance: Chance): Connection;
  /** As a client that does all right. */
  openWell(opsd: Opsd, door: Door): Connection;
}

/** TCP is either encrypted or not: an opsd has not both of `tcp` and `tls`. */
export async function doorsOf(doors: readonly Door[], seed: number): Promise<Doors> {
  const plain = (opsd: Opsd, door: Door) =>
    connectPlainly(door === 'socket' ? { path: join(opsd.run, 'opsd.sock') } : { port: opsd.port, host: '127.0.0.1' });
  if (!doors.includes('tls')) {
    return { daemon: '', options: {}, open: plain, openWell: plain, [Symbol.asyncDispose]: async () => {} };
  }
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await scratch());
  let port = 0;
  const spoiler = stack.use(await newSpoiler(seed, () => port));
  const authority = newAuthority(folder.path, 'authority');
  const server = authority.sign('server');
  const clients = newAuthority(folder.path, 'clients');
  const certificates: readonly Signed[] = [clients.sign('known'), newAuthority(folder.path, 'others').sign('unknown')];
  const means = {
    ca: authority.texts.cert,
    certificates: certificates.map(({ texts }) => texts),
    spoilingPort: spoiler.port,
  };
  const open = (opsd: Opsd, door: Door, chance: Chance | null) => {
    port = opsd.port;
    return door === 'tls' ? connectEncrypted(chance, { ...means, port }) : plain(opsd, door);
  };
  const all = stack.move();
  return {
    daemon: `tls = { cert = "${server.cert}", key = "${server.key}", client_ca = "${clients.cert}" }`,
    options: { files: { 'p/key/env.toml': `daemon.http_token = "${TOKEN}"\n` } },
    open,
    openWell: (opsd, door) => open(opsd, door, null),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
