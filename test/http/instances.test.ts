// Services with instances, by their name: what the API does with all of them, and what it tells of one only.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, errorCode } from './ask.ts';
import { openDoors } from './doors.ts';
import { service, UP } from './fake-control.ts';

const json = (body: unknown) => ({ method: 'POST', body: JSON.stringify(body) });
const WEB = ['web@1', 'web@2', 'web@3'];
const open = () => openDoors([...WEB.map((name) => service(name, UP)), service('lb', UP)]);
const namesOf = (body: string) => JSON.parse(body).services.map(({ name }: { name: string }) => name);

test('reading: all instances, or one', async () => {
  await using doors = await open();
  for (const door of [doors.socket, doors.tcp]) {
    assert.deepEqual(namesOf((await ask(door, '/api/v1/services?service=web')).body), WEB);
    assert.deepEqual(namesOf((await ask(door, '/api/v1/services/web')).body), WEB);
    assert.equal(JSON.parse((await ask(door, '/api/v1/services/web%402')).body).service.name, 'web@2');
    assert.deepEqual(namesOf((await ask(door, '/api/v1/graph?service=web')).body), WEB);
    doors.control.change('web@3', 'stopped');
    doors.control.change('lb', 'stopped');
    const { events } = JSON.parse((await ask(door, '/api/v1/services/web/events')).body);
    assert.ok(events.length > 0 && events.every((event: { service: string }) => event.service === 'web@3'));
  }
});

test('one that there is not is told with what there is', async () => {
  await using doors = await open();
  for (const path of ['/api/v1/services/web@9', '/api/v1/services?service=web@9', '/api/v1/services/web@9/log']) {
    const reply = await ask(doors.socket, path);
    assert.deepEqual([reply.status, errorCode(reply)], [404, 'unknown_service']);
    assert.match(reply.body, /web has 3 instances; did you mean 'web@3'\?/);
  }
});

test('what can be told of one only is refused with what to name', async () => {
  await using doors = await open();
  for (const what of ['why', 'log']) {
    const reply = await ask(doors.socket, `/api/v1/services/web/${what}`);
    assert.deepEqual([reply.status, errorCode(reply)], [400, 'several_services']);
    assert.match(reply.body, /web has instances; take one, web@1 to web@3/);
  }
});

test('an order is given to all of them, and answered as one', async () => {
  await using doors = await open();
  const reply = await ask(doors.socket, '/api/v1/services/web/restart', json({}));
  assert.equal(reply.status, 200);
  assert.deepEqual(
    doors.control.orders.map((order) => order.split(' by ')[0]).sort(),
    WEB.map((name) => `restart ${name}`),
  );
  const sent = await ask(doors.socket, '/api/v1/services/web/signal', json({ signal: 'HUP' }));
  assert.equal(JSON.parse(sent.body).message, 'SIGHUP sent; SIGHUP sent; SIGHUP sent');
});

test('one that fails makes the whole a failure that names it', async () => {
  await using doors = await openDoors([
    service('web@1', UP),
    service('web@2', { outcome: { ok: false, code: 'failed', message: 'web@2 failed: exit code 3' } }),
  ]);
  const reply = await ask(doors.socket, '/api/v1/services/web/start', json({}));
  assert.deepEqual([reply.status, JSON.parse(reply.body).error.message], [409, 'web@2 failed: exit code 3']);
});

test('a stop of all of them asks who needs one', async () => {
  await using doors = await openDoors([service('web@1', UP), service('lb', { ...UP, needs: ['web@1'] })]);
  const reply = await ask(doors.socket, '/api/v1/services/web/stop', json({}));
  assert.deepEqual([reply.status, errorCode(reply)], [409, 'needed']);
  assert.equal((await ask(doors.socket, '/api/v1/services/web/stop', json({ cascade: true }))).status, 200);
  assert.deepEqual(
    doors.control.orders.map((order) => order.split(' by ')[0]),
    ['stop lb', 'stop web@1'],
  );
});
