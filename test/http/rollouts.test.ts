// Rollouts over HTTP: read through both doors, ordered through the socket alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutView } from '../../src/api/rollouts.ts';
import { ask } from './ask.ts';
import { openDoors } from './doors.ts';
import { service, UP } from './fake-control.ts';

const json = (body: unknown) => ({ method: 'POST', body: JSON.stringify(body) });
const standIn = { turn: 'stands in', detail: 'surge instance of the rollout of web' } as const;
const open = () =>
  openDoors([
    service('web', UP),
    service('web@2', { ...UP, rollout: standIn }),
    ...[1, 2].map((instance) => service(`api@${instance}`, UP)),
  ]);
const web: RolloutView = {
  ...{ service: 'web', kind: 'restart', direction: 'forward', state: 'done', detail: '1 restarted, and ready' },
  ...{ failure: null, started_at: '', ended_at: '', services: [] },
};

test('all rollouts, or those of some services, are read through both doors', async () => {
  await using doors = await open();
  doors.control.rolloutViews = [web];
  for (const door of [doors.socket, doors.tcp]) {
    const read = async (query: string) => JSON.parse((await ask(door, `/api/v1/rollouts${query}`)).body);
    assert.deepEqual(await read(''), { version: 1, rollouts: [web] });
    assert.deepEqual((await read('?service=web')).rollouts, [web]);
    assert.deepEqual((await read('?service=api')).rollouts, []);
    assert.equal((await ask(door, '/api/v1/rollouts?service=nope')).status, 404);
  }
});

test('one order for each service, with those of its instances that were named', async () => {
  await using doors = await open();
  const order = (services: readonly string[], more = {}) =>
    ask(doors.socket, '/api/v1/rollouts', json({ action: 'restart', services, ...more }));
  const { status, body } = await order(['api', 'web']);
  assert.equal(status, 200);
  const lines = body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual([...lines.slice(0, 2).map((line) => line.service), lines.at(-1).done], ['web', 'api', true]);
  assert.match(
    doors.control.orders.join('\n'),
    /^rollout restart web \[web\] .*\nrollout restart api \[api@1 api@2\] /,
  );
  assert.equal((await order(['api@2'], { wait: false })).status, 202);
  assert.match(doors.control.orders.at(-1) ?? '', /^rollout restart api \[api@2\] /);
  assert.ok(doors.log.some((line) => line.includes('"command":"restart --rolling"')));
});

test('what is no order is refused, and over TCP each', async () => {
  await using doors = await open();
  const statusOf = async (door: string, body: unknown) => (await ask(door, '/api/v1/rollouts', json(body))).status;
  assert.equal(await statusOf(doors.socket, { action: 'pause', services: ['web'] }), 400);
  assert.equal(await statusOf(doors.socket, { action: 'undo', services: 'web' }), 400);
  assert.equal(await statusOf(doors.socket, { action: 'undo', services: ['nope'] }), 404);
  assert.equal(await statusOf(doors.tcp, { action: 'undo', services: ['web'] }), 403);
  assert.deepEqual(doors.control.orders, []);
});
