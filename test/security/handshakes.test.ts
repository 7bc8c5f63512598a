// Many who begin to encrypt at the same moment: what supervision waits for then, and that nobody is locked out.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { newAuthority, RSA } from '../support/certificates.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';
import { startThousand } from './thousand.ts';

/** What supervision may wait for. */
const AIM_MS = 100;

test('300 who begin a handshake at once keep a thousand services waiting no longer than one, and lock nobody out', async (t) => {
  await using folder = await scratch();
  const authority = newAuthority(folder.path, 'authority', RSA);
  const server = authority.sign('server');
  await using opsd = await startThousand({ daemon: `tls = { cert = "${server.cert}", key = "${server.key}" }` });
  const hello = await firstWords();
  const live = () => {
    return new Promise<string>((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port: opsd.port, ca: authority.texts.cert });
      let text = '';
      socket.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', reject);
      socket.on('end', () => resolve(text));
      socket.write('GET /.well-known/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    });
  };
  assert.match(await live(), /^HTTP\/1\.1 200/);
  const crowd: Socket[] = [];
  using _ = {
    [Symbol.dispose]() {
      for (const socket of crowd) socket.destroy();
    },
  };
  const openFiles = () => readdirSync(`/proc/${opsd.daemon.pid}/fd`).length;
  const before = openFiles();
  const turn = await opsd.longestTurn(async () => {
    for (let n = 0; n < 300; n += 1) crowd.push(connect(opsd.port, '127.0.0.1').on('error', () => undefined));
    // All that opsd wants to keep are accepted.
    const isThere = () => openFiles() - before >= crowd.filter(({ destroyed }) => !destroyed).length;
    await waitFor('the crowd to be there', () => crowd.every(({ connecting }) => !connecting) && isThere());
    // What all of them said is there when opsd looks next.
    opsd.kill('SIGSTOP');
    for (const socket of crowd) if (socket.writable) socket.write(hello);
    opsd.kill('SIGCONT');
    assert.match(await live(), /^HTTP\/1\.1 200/);
    assert.equal((await opsd.status('crashes')).name, 'crashes');
  });
  t.diagnostic(`longest turn: ${turn.cpu.toFixed(0)} ms of CPU, ${turn.wall.toFixed(0)} ms`);
  assert.ok(turn.cpu < AIM_MS, `supervision waited ${turn.cpu} ms`);
});

/** What a client sends first (RFC 8446, ClientHello): the server has to sign something for it. */
async function firstWords(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connectTls({ host: '127.0.0.1', port }).on('error', () => undefined);
  const [socket]: Socket[] = await once(server, 'connection');
  assert.ok(socket);
  const [bytes]: Buffer[] = await once(socket, 'data');
  assert.ok(bytes);
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}
