// Server-sent events: what listeners are told, from where, and that none of them can make a queue grow.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '../support/wait.ts';
import { ask, errorCode, open } from './ask.ts';
import { openDoors } from './doors.ts';
import { service, UP } from './fake-control.ts';

interface Said {
  readonly event: string;
  readonly id: string | null;
  readonly data: Record<string, unknown> & { services: Record<string, unknown>[] };
}

/** A stream and all it said so far. */
async function listen(door: string, path: string, headers: Record<string, string> = {}) {
  const response = await open(door, path, { headers });
  let text = '';
  response.setEncoding('utf8');
  response.on('error', () => undefined);
  response.on('data', (chunk) => {
    text += chunk;
  });
  return {
    response,
    get said(): Said[] {
      const whole = text.slice(0, text.lastIndexOf('\n\n') + 2);
      return whole.split('\n\n').flatMap((block) => {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? null;
        const data = field('data');
        return data === null ? [] : [{ event: field('event') ?? '', id: field('id'), data: JSON.parse(data) }];
      });
    },
    [Symbol.dispose]: () => response.destroy(),
  };
}

const ids = ({ said }: { said: Said[] }) => said.filter(({ event }) => event === 'state').map(({ data }) => data.id);

test('a listener is told what happens from now on, or since an id', async () => {
  await using doors = await openDoors([service('web', UP)]);
  doors.control.change('web', 'stopping');
  doors.control.change('web', 'stopped');
  using fresh = await listen(doors.tcp, '/api/v1/events');
  using late = await listen(doors.tcp, '/api/v1/events?since=1');
  using back = await listen(doors.tcp, '/api/v1/events', { 'Last-Event-ID': `${process.pid}.1` });
  using other = await listen(doors.tcp, '/api/v1/events', { 'Last-Event-ID': '1.2' });
  doors.control.change('web', 'starting');
  await waitFor('the news', () => [fresh, late, back, other].every((stream) => ids(stream).includes(3)));
  assert.deepEqual([fresh, late, back, other].map(ids), [[3], [2, 3], [2, 3], [1, 2, 3]]);
  assert.equal(fresh.said[0]?.id, `${process.pid}.3`);
});

test('who asks for more than was kept is told how much is missing', async () => {
  await using doors = await openDoors([service('web', UP)]);
  for (let i = 0; i < 600; i++) {
    doors.control.change('web', 'stopping');
    doors.control.change('web', 'running');
  }
  using stream = await listen(doors.socket, '/api/v1/events?since=0');
  await waitFor('all that was kept', () => ids(stream).length === 1_000);
  assert.deepEqual([stream.said[0]?.event, stream.said[0]?.data.missed], ['gap', 200]);
});

test('a page is given all services once, then only what changed', async () => {
  await using doors = await openDoors([service('web', { ...UP, cpu_ratio: 0.1 }), service('db', UP), service('old')]);
  using page = await listen(doors.tcp, '/api/v1/events?of=services');
  await waitFor('all services', () => page.said.length === 1);
  assert.deepEqual([page.said[0]?.event, page.said[0]?.data.services.length], ['services', 3]);
  doors.control.change('db', 'failed', { reason: 'exit code 3' });
  doors.control.services.delete('old');
  await waitFor('the difference', () => page.said.length === 2);
  const { event, data } = page.said[1] ?? assert.fail();
  assert.equal(event, 'changed');
  assert.deepEqual(data.removed, ['old']);
  assert.deepEqual(Object.keys(data.services[0] ?? {}).sort(), [
    'name',
    'pid',
    'reason',
    'since',
    'stable_at',
    'started_at',
    'state',
  ]);
  assert.equal(data.services.length, 1);
});

test('a page is told of a scale, and of nothing that only looks new', async () => {
  const limited = () => service('web', { ...UP, memory_limit: { bytes: 1e9, held_by: 'cgroup' } });
  await using doors = await openDoors([limited(), service('db', UP)]);
  doors.control.groups = [{ name: 'api', instances: 4, configured: 4 }];
  using page = await listen(doors.tcp, '/api/v1/events?of=services');
  await waitFor('all services', () => page.said.length === 1);
  doors.control.services.set('web', limited());
  doors.control.groups = [{ name: 'api', instances: 6, configured: 4 }];
  await waitFor('the difference', () => page.said.length === 2);
  assert.deepEqual(page.said[1]?.data.groups, doors.control.groups);
  assert.deepEqual(page.said[1]?.data.services, []);
  doors.control.change('db', 'stopped');
  await waitFor('the next', () => page.said.length === 3);
  assert.equal(page.said[2]?.data.groups, undefined);
});

test('a page is told that the files were refused, and that they are good again', async () => {
  await using doors = await openDoors([service('web', UP)]);
  using page = await listen(doors.tcp, '/api/v1/events?of=services');
  await waitFor('all services', () => page.said.length === 1);
  assert.equal(page.said[0]?.data.refused, null);
  const refused = () => ({ at: '2026-01-01T00:00:00.000Z', problems: ['cfg/config.toml:3: is not TOML'], count: 1 });
  doors.control.refused = refused();
  await waitFor('the refusal', () => page.said.length === 2);
  assert.deepEqual(page.said[1]?.data, { ...page.said[1]?.data, services: [], refused: refused() });
  doors.control.refused = refused();
  doors.control.change('web', 'stopped');
  await waitFor('the next', () => page.said.length === 3);
  assert.equal('refused' in (page.said[2]?.data ?? {}), false, 'it only looks new');
  doors.control.refused = null;
  await waitFor('the end of it', () => page.said.length === 4);
  assert.equal(page.said[3]?.data.refused, null);
});

test('a newcomer and an old listener end up with the same picture', async () => {
  await using doors = await openDoors([service('web', UP)]);
  using early = await listen(doors.tcp, '/api/v1/events?of=services');
  await waitFor('all services', () => early.said.length === 1);
  doors.control.change('web', 'stopping', { reason: 'for a moment' });
  using late = await listen(doors.tcp, '/api/v1/events?of=services');
  await waitFor('all services', () => late.said.length === 1);
  doors.control.change('web', 'running', { ...UP, since: service('web').since, reason: service('web').reason });
  doors.control.change('web', 'running', { restarts: 7, since: service('web').since });
  const picture = ({ said }: { said: Said[] }) => Object.assign({}, ...said.flatMap(({ data }) => data.services));
  await waitFor('the change', () => picture(early).restarts === 7 && picture(late).restarts === 7);
  assert.deepEqual([picture(early).state, picture(late).state], ['running', 'running']);
});

test('nobody listening costs nothing', async () => {
  await using doors = await openDoors([service('web', UP)]);
  const stream = await listen(doors.tcp, '/api/v1/events');
  assert.equal(doors.control.listeners, 1);
  stream.response.destroy();
  await waitFor('the end of listening', () => doors.control.listeners === 0);
});

test('a listener that does not read makes nothing grow, and the others are served', async () => {
  await using doors = await openDoors([service('web', UP)]);
  const stuck = await open(doors.tcp, '/api/v1/events');
  stuck.pause();
  using reader = await listen(doors.tcp, '/api/v1/events');
  const before = process.memoryUsage().arrayBuffers;
  const reason = 'x'.repeat(2_000);
  for (let round = 1; round <= 30; round++) {
    for (let i = 0; i < 500; i++) doors.control.change('web', i % 2 ? 'running' : 'stopping', { reason });
    await waitFor('the reader', () => ids(reader).at(-1) === round * 500);
  }
  // 30 MB were said.
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 12e6, `${grown} bytes are kept`);
  stuck.destroy();
});

test('too many listeners of one address are told so, and those on the socket have places of their own', async () => {
  await using doors = await openDoors();
  const streams = await Promise.all(Array.from({ length: 96 }, () => open(doors.tcp, '/api/v1/events')));
  const reply = await ask(doors.tcp, '/api/v1/events');
  assert.deepEqual([reply.status, errorCode(reply)], [503, 'too_many']);
  assert.equal((await ask(doors.tcp, '/api/v1/services')).status, 200);
  const local = await open(doors.socket, '/api/v1/events');
  assert.equal(local.statusCode, 200);
  for (const stream of [...streams, local]) stream.destroy();
});

test('listeners who are behind by different numbers are each told what they missed', async () => {
  await using doors = await openDoors([service('web', UP)]);
  for (let n = 0; n < 1_200; n++) doors.control.change('web', n % 2 === 0 ? 'stopped' : 'running');
  // Of 1,200 changes the last 1,000 are kept: 201 to 1,200.
  for (const [since, first, missed] of [
    [199, 201, 1],
    [200, 201, null],
    [700, 701, null],
    [1_199, 1_200, null],
  ]) {
    using stream = await listen(doors.tcp, `/api/v1/events?since=${since}`);
    await waitFor('the newest', () => ids(stream).includes(1_200));
    assert.equal(ids(stream)[0], first);
    assert.equal(stream.said.find(({ event }) => event === 'gap')?.data.missed ?? null, missed);
  }
});

test('streams end with the daemon', async () => {
  const doors = await openDoors();
  const stream = await open(doors.socket, '/api/v1/events');
  stream.resume();
  const ended = new Promise((resolve) => stream.once('end', resolve));
  await doors[Symbol.asyncDispose]();
  await ended;
});
