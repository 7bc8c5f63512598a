// A webhook that answers without end: opsd hangs up after a little of it, and says so.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import type { EventHook } from '../../src/core/model/config.ts';
import { deliver } from '../../src/os/watch/event-hooks.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';

/** What supervision may wait for. */
const AIM_MS = 100;
const MESSAGE = { service: 'web', body: '{}', variables: {} };
const CARE = { clock: systemClock, runDir: '/none', leftovers: { nextNumber: () => 1, end: () => undefined } };

/** A receiver that says `head` once, and then `flood` for as long as somebody listens. */
async function receiver(head: string, flood: string) {
  const bytes = Buffer.from(flood.repeat(Math.ceil(1_000_000 / Math.max(1, flood.length))));
  let hasEnded = () => undefined as undefined;
  const ended = new Promise<void>((resolve) => {
    hasEnded = () => void resolve();
  });
  const server = createServer((socket) => {
    socket.on('error', () => undefined).once('close', hasEnded);
    socket.resume();
    socket.write(head);
    const go = () => {
      while (flood !== '' && !socket.destroyed && socket.write(bytes));
    };
    socket.on('drain', go);
    go();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    ended,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
for (const [what, head, flood, detail] of [
  ['interim responses', '', CONTINUE, /^more than 10 interim responses \(1xx\) instead of an answer$/],
  ['early hints', '', 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n', /^more than 10 interim responses/],
  ['empty lines', '', '\r\n', /^no answer within the first 256 KiB$/],
  ['a header field', 'HTTP/1.1 200 OK\r\nX: ', 'a', /Header overflow/],
  ['the body of an answer', 'HTTP/1.1 204 No Content\r\n\r\n', 'a', /^status 204$/],
  ['answers', '', 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n', /^status 500$/],
  ['a few interim responses and an answer', `${CONTINUE.repeat(10)}HTTP/1.1 204 Yes\r\n\r\n`, '', /^status 204$/],
  ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', CONTINUE, /./],
] as const) {
  test(`${what} without end are no burden`, async (t) => {
    await using to = await receiver(head, flood);
    const hook: EventHook = {
      name: 'pager',
      when: ['failed'],
      services: ['*'],
      target: { kind: 'webhook', url: to.url, headers: {} },
      timeout: 20_000,
    };
    const before = process.threadCpuUsage();
    const { detail: told, isDelivered } = await deliver(hook, MESSAGE, new AbortController().signal, CARE);
    const { user, system } = process.threadCpuUsage(before);
    t.diagnostic(`${told}; ${((user + system) / 1_000).toFixed(0)} ms of CPU`);
    assert.match(told, detail);
    assert.equal(isDelivered, told === 'status 204');
    await to.ended;
    assert.ok((user + system) / 1_000 < AIM_MS, `${(user + system) / 1_000} ms of CPU`);
  });
}
