// Thousands of requests in one write: opsd reads a few of each connection, and ends it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { newAuthority } from '../support/certificates.ts';
import { scratch } from '../support/scratch.ts';
import { startThousand, type Thousand } from './thousand.ts';

/** What supervision may wait for. */
const AIM_MS = 100;
const MANY = 40;
const BURST = 'GET /x HTTP/1.1\r\nHost:\r\n\r\n'.repeat(2_400);
const LIVE = 'GET /.well-known/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

test(`${MANY} bursts keep a thousand services waiting no longer than a request does`, async (t) => {
  await using opsd = await startThousand();
  const turn = await burst(opsd, () => connect(opsd.port, '127.0.0.1'));
  t.diagnostic(`longest turn ${turn.cpu.toFixed(0)} ms of CPU, ${turn.wall.toFixed(0)} ms`);
  assert.ok(turn.cpu < AIM_MS, `supervision waited ${turn.cpu} ms`);
});

test(`${MANY} bursts over TLS do no more`, async (t) => {
  await using folder = await scratch();
  const authority = newAuthority(folder.path, 'authority');
  const { cert, key } = authority.sign('server');
  await using opsd = await startThousand({ daemon: `tls = { cert = "${cert}", key = "${key}" }` });
  const turn = await burst(opsd, () => connectTls({ host: '127.0.0.1', port: opsd.port, ca: authority.texts.cert }));
  t.diagnostic(`longest turn ${turn.cpu.toFixed(0)} ms of CPU, ${turn.wall.toFixed(0)} ms`);
  assert.ok(turn.cpu < AIM_MS, `supervision waited ${turn.cpu} ms`);
});

async function burst(opsd: Thousand, open: () => Socket) {
  // Code that answers is loaded with the first question.
  assert.match(await live(open()), /^HTTP\/1\.1 200/);
  const crowd: Socket[] = [];
  using _ = {
    [Symbol.dispose]() {
      for (const socket of crowd) socket.destroy();
    },
  };
  for (let n = 0; n < MANY; n += 1) {
    const socket = open().on('error', () => undefined);
    crowd.push(socket);
    // A first answer: opsd has accepted the connection.
    socket.write(LIVE.replace('Connection: close\r\n', ''));
    await once(socket, 'data');
  }
  return await opsd.longestTurn(async () => {
    for (const socket of crowd) socket.write(BURST);
    const answer = live(open());
    assert.match(await answer, /^HTTP\/1\.1 200/);
    await Promise.all(crowd.map(async (socket) => socket.closed || once(socket, 'close')));
  });
}

function live(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8').on('data', (piece) => {
      text += piece;
    });
    socket.on('error', reject);
    socket.on('end', () => resolve(text));
    socket.write(LIVE);
  });
}
