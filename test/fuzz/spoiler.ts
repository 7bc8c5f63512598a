// Stands between a client that encrypts and opsd, and strikes once: cuts, changes, or adds to what the client sends, at
// any byte of the handshake or behind it.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Chance } from '../chaos/chance.ts';
import { mutate, noise } from './mutations.ts';

/** A whole handshake of a client with a certificate has 1,400 bytes. */
const LAST_BYTE = 2_500;

/** Records of TLS (RFC 8446, 5.1) that come at a wrong time, or never come true. */
const RECORDS = [
  '1503030002022f', // alert: fatal
  '15030300020100', // alert: it closes
  '140303000101', // change cipher spec
  '160303000400000000', // hello request
  '160303ffff', // a handshake of 65,535 bytes
  '160301000501ffffff00', // a hello of 16 MB
  '170303400100', // data above the largest record
  '1803030003014000', // heartbeat: 16 KB back for 3 bytes
  '802e0100020015', // a hello of SSL 2
  '000000000000',
].map((hex) => Buffer.from(hex, 'hex'));

export interface Spoiler extends AsyncDisposable {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
}

/** `target`: the port of opsd, asked for each connection. */
export async function newSpoiler(seed: number, target: () => number): Promise<Spoiler> {
  const chance = new Chance(seed);
  const open = new Set<Socket>();
  const kept = (socket: Socket): Socket => {
    open.add(socket);
    return socket.once('close', () => open.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const opsd = connect({ port: target(), host: '127.0.0.1', allowHalfOpen: true });
    relay(kept(client), kept(opsd), chance.branch());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function relay(client: Socket, opsd: Socket, chance: Chance): void {
  const at = chance.between(0, LAST_BYTE);
  let sent = 0;
  client.on('data', (bytes: Buffer) => {
    const cut = at - sent;
    sent += bytes.length;
    if (!opsd.writable) return;
    if (cut < 0 || cut >= bytes.length) opsd.write(bytes);
    else strike(opsd, bytes.subarray(0, cut), bytes.subarray(cut), chance);
  });
  client.on('end', () => opsd.end());
  opsd.on('data', (bytes: Buffer) => {
    if (client.writable) client.write(bytes);
  });
  opsd.on('end', () => client.end());
  for (const [one, other] of [
    [client, opsd],
    [opsd, client],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
}

function strike(opsd: Socket, head: Buffer, tail: Buffer, chance: Chance): void {
  const put = (more: Buffer) => () => opsd.write(Buffer.concat([head, more, tail]));
  chance.weighted<() => unknown>([
    [4, () => opsd.write(head, () => opsd.destroy())],
    [2, () => opsd.write(head, () => opsd.resetAndDestroy())],
    [2, () => opsd.end(head)],
    [2, () => opsd.write(head)],
    [4, () => opsd.write(Buffer.concat([head, mutate(chance, tail)]))],
    [4, put(chance.pick(RECORDS) ?? noise(chance, 5))],
    [1, put(noise(chance, chance.between(1, 300)))],
    [1, put(tail)],
    [1, put(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))],
  ])();
}
