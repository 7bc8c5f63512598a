// What strangers who reach the port can make a thousand services wait for, and whom they can lock out.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { ask, type Reply } from '../support/requests.ts';
import { waitFor } from '../support/wait.ts';
import { startThousand, type Thousand } from './thousand.ts';

/** What supervision may wait for. */
const AIM_MS = 100;
/** More than one address is given places for. */
const MANY = 300;

let opsd: Thousand;
before(async () => {
  opsd = await startThousand();
  // Code that answers is loaded, and compiled, with the first question.
  for (const path of [...COSTLY, ...CHEAP]) await get(path);
});
after(() => opsd[Symbol.asyncDispose]());

const names = (count: number) => Array.from({ length: count }, (_, n) => `service=servise-${n}x`).join('&');

/** Each costs as much as there are services. */
const COSTLY = [
  '/api/v1/services',
  '/api/v1/services?service=all',
  `/api/v1/services?${Array.from({ length: 20 }, (_, n) => `service=*${n % 10}*e*`).join('&')}`,
  `/api/v1/services?${names(200)}`,
  '/api/v1/services/servise-01x',
  '/api/v1/services/crashes/why',
  '/api/v1/services/crashes/events',
  '/api/v1/services?service=%2Bnone',
  '/api/v1/events/recent',
  '/api/v1/events?since=0',
  '/api/v1/events?of=services',
  '/api/v1/graph',
  '/api/v1/graph?service=*-*',
  '/api/v1/rollouts',
  '/metrics',
];
const CHEAP = ['/', '/.well-known/live', '/.well-known/ready', '/api/v1/none', `/${'x'.repeat(8_000)}`];

for (const path of [...COSTLY, ...CHEAP]) {
  test(`${MANY} who ask for ${path.slice(0, 60)} at once`, async (t) => {
    const turn = await opsd.longestTurn(async () => {
      await using crowd = await Crowd.of(MANY);
      crowd.say(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await crowd.heard(20);
      assert.equal((await get('/.well-known/live')).status, 200);
      assert.equal((await opsd.status('crashes')).name, 'crashes');
    });
    t.diagnostic(`longest turn: ${turn.cpu.toFixed(0)} ms of CPU, ${turn.wall.toFixed(0)} ms`);
    assert.ok(turn.cpu < AIM_MS, `supervision waited ${turn.cpu} ms`);
  });
}

test('a request that asks for too much is told the limit, and costs nothing', async () => {
  const turn = await opsd.longestTurn(async () => {
    const long = await get(`/api/v1/services?${names(1_500)}`);
    assert.equal(long.status, 431);
    const rows: [string, number, RegExp][] = [
      [`/api/v1/services?${names(250)}`, 414, /a URL may have at most 4096 bytes, and this one has \d+/],
      [`/api/v1/services?service=${'x'.repeat(129)}`, 400, /128 characters/],
      [`/api/v1/graph?${'service=*&'.repeat(21)}`, 400, /may have at most 20 globs and tags, and this one has 21/],
      [`/api/v1/rollouts?${'service=%2Bx&'.repeat(21)}`, 400, /may have at most 20 globs and tags/],
    ];
    for (const [path, status, message] of rows) {
      const reply = await get(path);
      assert.equal(reply.status, status, path);
      assert.match(reply.body, message);
    }
  });
  assert.ok(turn.cpu < AIM_MS, `supervision waited ${turn.cpu} ms`);
});

test('who may use the socket cannot make it wait by accident either', async () => {
  const order = (services: readonly string[]) => opsd.api('POST', '/api/v1/orders', { action: 'reset', services });
  const turn = await opsd.longestTurn(async () => {
    const unknown = await order(Array.from({ length: 1_000 }, (_, n) => `servise-${n}x`));
    assert.equal(unknown.status, 404);
    assert.match(unknown.body, /and 980 more/);
    const many = await order(Array.from({ length: 1_500 }, (_, n) => `x${n}`));
    assert.deepEqual([many.status, /may name at most 1000 services/.test(many.body)], [400, true]);
    const globs = await order(Array.from({ length: 1_000 }, (_, n) => `*${n}*`));
    assert.deepEqual([globs.status, /20 globs/.test(globs.body)], [400, true]);
  });
  assert.ok(turn.cpu < AIM_MS, `supervision waited ${turn.cpu} ms`);
});

for (const [what, bytes] of [
  ['600 who say nothing', ''],
  ['600 half requests', 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Half: '],
  [
    '600 requests with half a body',
    'GET /api/v1/services HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx',
  ],
  ['600 streams', 'GET /api/v1/events?of=services HTTP/1.1\r\nHost: localhost\r\n\r\n'],
] as const) {
  test(`${what} lock nobody out`, async () => {
    await using crowd = await Crowd.of(600);
    crowd.say(bytes);
    for (let n = 0; n < 20; n += 1) {
      assert.equal((await get('/.well-known/live')).status, 200);
    }
    await waitFor('metrics for others', async () => (await get('/metrics')).status === 200);
    assert.equal((await opsd.status('crashes')).name, 'crashes');
  });
}

test('who asks and does not read is no burden on memory', async () => {
  const memory = () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${opsd.daemon.pid}/status`, 'utf8'))?.[1]);
  const before = memory();
  await using crowd = await Crowd.of(250);
  for (let round = 0; round < 8; round += 1) {
    crowd.say('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    // As long as all of the crowd wait for theirs, others are told to come back.
    await waitFor('metrics for others', async () => (await get('/metrics')).status === 200);
  }
  assert.ok(memory() - before < 200_000, `${memory() - before} kB more`);
});

test('supervision goes on while everything is asked for at once', async (t) => {
  const { restarts } = await opsd.status('crashes');
  const turn = await opsd.longestTurn(async () => {
    await using crowd = await Crowd.of(250);
    for (let round = 0; round < 10; round += 1) {
      crowd.say(`GET ${COSTLY[round]} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await get('/.well-known/live');
    }
    await opsd.until('crashes', (view) => view.restarts >= restarts + 20);
  });
  t.diagnostic(`longest turn: ${turn.cpu.toFixed(0)} ms of CPU, ${turn.wall.toFixed(0)} ms`);
  assert.ok(turn.cpu < AIM_MS, `supervision waited ${turn.cpu} ms`);
});

function get(path: string): Promise<Reply> {
  if (path.startsWith('/api/v1/events?')) return openAndClose(path);
  return ask({ host: '127.0.0.1', port: opsd.port }, 'GET', path);
}

/** A stream has no end of its own. */
async function openAndClose(path: string): Promise<Reply> {
  await using one = await Crowd.of(1);
  one.say(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await one.heard(1);
  return { status: 200, body: '' };
}

/** Many connections at the port. Those that opsd sends away are simply gone. */
class Crowd implements AsyncDisposable {
  readonly #sockets: readonly Socket[];
  #heard = 0;

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      // Nor do they read more than the beginning of what they asked for.
      socket.once('data', () => {
        this.#heard += 1;
        socket.pause();
      });
    }
  }

  static async of(count: number): Promise<Crowd> {
    const sockets = Array.from({ length: count }, () => connect(opsd.port, '127.0.0.1'));
    const crowd = new Crowd(sockets);
    await waitFor('the crowd to be there', () => sockets.every(({ connecting }) => !connecting));
    return crowd;
  }

  say(bytes: string): void {
    for (const socket of this.#sockets) if (socket.writable) socket.write(bytes);
  }

  /** Until so many were answered something. */
  async heard(count: number): Promise<void> {
    await waitFor(`answers to ${count}`, () => this.#heard >= count, 30_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await waitFor('the crowd to be gone', () => this.#sockets.every(({ closed }) => closed));
  }
}
