// How long ctl waits for an opsd that says nothing, and how such a wait is ended.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { newClient } from '../../src/cli/client/client.ts';
import { Unanswered } from '../../src/cli/client/silence.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';
import { resultOf, start } from './run-opsd.ts';

const PATIENCE = 200;
const LIVE = '/.well-known/live';

interface Listener extends AsyncDisposable {
  readonly socket: string;
  readonly prefix: string;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
}

/** Somebody at the socket where ctl looks for opsd, who answers what `answer` answers. */
async function listener(answer: RequestListener): Promise<Listener> {
  await using opened = new AsyncDisposableStack();
  const { path: prefix } = opened.use(await scratch());
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  opened.defer(() => server.closeAllConnections());
  const socket = join(prefix, 'opsd.sock');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  opened.defer(() => void server.close());
  const all = opened.move();
  return { socket, prefix, asked, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

const nobody: RequestListener = () => undefined;

test('an answer may take its time as long as opsd lives', async () => {
  const slow: ServerResponse[] = [];
  await using opsd = await listener((request, response) => {
    if (request.url === LIVE) response.end('{}');
    else slow.push(response);
  });
  using client = newClient(opsd.socket, systemClock, PATIENCE);
  const questions = (more: number) => {
    const before = opsd.asked.length;
    return waitFor('the questions', () => opsd.asked.slice(before).filter((path) => path === LIVE).length >= more);
  };
  const reload = client.post('/api/v1/reload');
  await questions(3);
  slow[0]?.end('{"changes":[]}');
  assert.deepEqual(await reload, { changes: [] });

  using orders = await sentAtOnce(client.stream('POST', '/api/v1/orders'), () => slow[1]);
  await questions(3);
  slow[1]?.end('done\n');
  let text = '';
  for await (const chunk of orders) text += chunk;
  assert.equal(text, 'done\n');
});

/** Sends the head as soon as somebody asks. */
async function sentAtOnce<T>(reply: Promise<T>, response: () => ServerResponse | undefined): Promise<T> {
  (await waitFor('the request', response)).flushHeaders();
  return reply;
}

test('one that answers nobody is given up, with what to do about it', async () => {
  await using opsd = await listener(nobody);
  using client = newClient(opsd.socket, systemClock, PATIENCE);
  const remedy = 'see its log, and systemctl status opsd; services keep running';
  await assert.rejects(client.get('/api/v1/services'), {
    name: 'RuntimeError',
    message: `opsd does not answer on ${opsd.socket}; it may be stopped or stuck: ${remedy}`,
  });
  writeFileSync(join(opsd.prefix, 'opsd.pid'), '4711\n');
  await assert.rejects(client.post('/api/v1/reload'), {
    message: `opsd (pid 4711) does not answer on ${opsd.socket}; it may be stopped (then: kill -CONT 4711) or stuck: ${remedy}; opsd may still carry out the command`,
  });
});

test('one that falls silent in the middle of a stream is given up, too', async () => {
  await using opsd = await listener((request, response) => {
    if (request.url === LIVE) return;
    response.write('one\n');
  });
  using client = newClient(opsd.socket, systemClock, PATIENCE);
  using reply = await client.stream('GET', '/api/v1/events');
  let text = '';
  await assert.rejects(async () => {
    for await (const chunk of reply) text += chunk;
  }, /does not answer/);
  assert.equal(text, 'one\n');
});

test('with its client everything ends that is under way', async () => {
  await using opsd = await listener((_, response) => response.write('one\n'));
  const client = newClient(opsd.socket, systemClock);
  using reply = await client.stream('GET', '/api/v1/events');
  await assert.rejects(async () => {
    for await (const _ of reply) client[Symbol.dispose]();
  }, Unanswered);
});

test('a signal ends the wait at once, and what becomes of an order is said', async () => {
  await using opsd = await listener(nobody);
  const commands = [
    [['status'], 'SIGINT', 'opsd: no longer waiting for opsd\n'],
    [['wait', 'web'], 'SIGTERM', 'opsd: no longer waiting for opsd\n'],
    [['reload'], 'SIGINT', 'opsd: no longer waiting for opsd; it carries on with the command\n'],
  ] as const;
  for (const [command, signal, told] of commands) {
    const before = opsd.asked.length;
    const child = start(opsd.prefix, ['ctl', ...command, '--socket', opsd.socket]);
    const result = resultOf(child);
    await waitFor('its request', () => opsd.asked.length > before);
    child.kill(signal);
    assert.deepEqual(await result, { code: 2, out: '', err: told });
    assert.ok(!opsd.asked.slice(before).includes(LIVE), 'long before it would be given up');
  }
});
