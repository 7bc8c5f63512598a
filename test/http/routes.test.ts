// What the API answers, on both doors.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ask, errorCode, open } from './ask.ts';
import { openDoors } from './doors.ts';
import { service, UP } from './fake-control.ts';

const json = (body: unknown) => ({ method: 'POST', body: JSON.stringify(body) });

test('all services, one service, and those a pattern means', async () => {
  await using doors = await openDoors([service('web', UP), service('web-2'), service('db', UP)]);
  for (const door of [doors.socket, doors.tcp]) {
    const all = JSON.parse((await ask(door, '/api/v1/services')).body);
    assert.deepEqual(
      [all.version, Object.keys(all.daemon)],
      [1, ['pid', 'version', 'started_at', 'host', 'utc_offset_minutes']],
    );
    assert.deepEqual(Object.keys(all.services[0]), [
      'name',
      'state',
      'pid',
      'generation',
      'restarts',
      'failures_in_a_row',
      'since',
      'started_at',
      'exit',
      'reason',
      'next_attempt_at',
      'heartbeat_age_seconds',
      'cpu_ratio',
      'memory_bytes',
      'adopted',
      'unstable_until',
      'completed',
      'tags',
      'memory_limit',
      'last_run',
      'rollout',
      'healthy',
      'last_probe_failure',
      'stable_at',
    ]);
    const some = JSON.parse((await ask(door, '/api/v1/services?service=web*&service=db')).body);
    assert.deepEqual(
      some.services.map(({ name }: { name: string }) => name),
      ['web', 'web-2', 'db'],
    );
    assert.equal(JSON.parse((await ask(door, '/api/v1/services/db')).body).service.state, 'running');
  }
});

test('an unknown service is a 404 that says what was meant', async () => {
  await using doors = await openDoors([service('web')]);
  for (const path of ['/api/v1/services/wbe', '/api/v1/services?service=wbe', '/api/v1/services/wbe/why']) {
    const reply = await ask(doors.socket, path);
    assert.equal(reply.status, 404);
    assert.equal(errorCode(reply), 'unknown_service');
    assert.match(reply.body, /did you mean 'web'\?/);
  }
});

test('live tells a stalled loop, ready tells who is not up', async () => {
  await using doors = await openDoors([service('web', UP), service('db')]);
  assert.equal((await ask(doors.tcp, '/.well-known/live')).status, 200);
  doors.control.liveness = { ok: false, lagSeconds: 12 };
  const stalled = await ask(doors.tcp, '/.well-known/live');
  assert.deepEqual([stalled.status, errorCode(stalled)], [503, 'stalled']);
  const waiting = await ask(doors.tcp, '/.well-known/ready');
  assert.equal(waiting.status, 503);
  assert.match(waiting.body, /not up: db/);
  doors.control.change('db', 'running');
  assert.equal((await ask(doors.tcp, '/.well-known/ready')).status, 200);
});

test('an order is answered when its service came to rest', async () => {
  await using doors = await openDoors([service('web', UP)]);
  let open = () => {};
  doors.control.gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let answered = false;
  const reply = ask(doors.socket, '/api/v1/services/web/restart', { method: 'POST' }).finally(() => {
    answered = true;
  });
  assert.equal((await ask(doors.socket, '/api/v1/services/web')).body.includes('"stopping"'), true);
  assert.equal(answered, false);
  open();
  assert.deepEqual([(await reply).status, JSON.parse((await reply).body).ok], [200, true]);
});

test('an order that fails is a 409 with its code', async () => {
  await using doors = await openDoors([
    service('web', { outcome: { ok: false, code: 'failed', message: 'exit code 3' } }),
  ]);
  const reply = await ask(doors.socket, '/api/v1/services/web/start', { method: 'POST' });
  assert.deepEqual([reply.status, JSON.parse(reply.body).error], [409, { code: 'failed', message: 'exit code 3' }]);
});

test('orders to many are answered one by one as each comes to rest', async () => {
  await using doors = await openDoors([service('a', UP), service('b', UP), service('c')]);
  const reply = await ask(doors.socket, '/api/v1/orders', json({ action: 'stop', services: ['all'] }));
  const lines = reply.body.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).service ?? 'done'),
    ['a', 'b', 'c', 'done'],
  );
});

test('an order that is not waited for is answered at once', async () => {
  await using doors = await openDoors([service('web', UP)]);
  doors.control.gate = new Promise(() => {});
  const one = await ask(doors.socket, '/api/v1/services/web/stop', json({ wait: false }));
  const many = await ask(doors.socket, '/api/v1/orders', json({ action: 'stop', services: ['web'], wait: false }));
  assert.deepEqual([one.status, many.status], [202, 202]);
});

test('a signal goes by either name, and an unknown one nowhere', async () => {
  await using doors = await openDoors([service('web', UP)]);
  const path = '/api/v1/services/web/signal';
  assert.equal((await ask(doors.socket, path, json({ signal: 'hup' }))).status, 200);
  assert.equal((await ask(doors.socket, path, json({ signal: 'SIGUSR1' }))).status, 200);
  for (const signal of ['SIGNOPE', '', 9, '__proto__', undefined]) {
    assert.equal((await ask(doors.socket, path, json({ signal }))).status, 400);
  }
  assert.deepEqual(
    doors.control.orders.map((order) => order.split(' ')[0]),
    ['SIGHUP', 'SIGUSR1'],
  );
});

test('a reload gives the plan, or the problems', async () => {
  await using doors = await openDoors();
  const daemon = [{ key: 'http', from: '""', to: '"127.0.0.1:9640"', when: 'next_opsd' as const }];
  const missing = { where: 'config.toml', line: 2, key: 'services.web.user', message: 'no user web' };
  const changes = [{ service: 'web', kind: 'added' as const, keys: [] }];
  doors.control.reloadResult = { ok: true, changes, daemon, hostProblems: [missing] };
  const plan = await ask(doors.socket, '/api/v1/reload', json({ dry_run: true }));
  assert.deepEqual(JSON.parse(plan.body), {
    version: 1,
    dry_run: true,
    changes,
    daemon,
    host_problems: [missing],
  });
  assert.match(doors.control.orders[0] ?? '', /"dryRun":true,"allowEmpty":false/);
  assert.match(doors.log[0] ?? '', /"result":"1 service changes"/);
  const problem = { where: 'config.toml', line: 3, key: 'services.web', message: 'no' };
  doors.control.reloadResult = { ok: false, code: 'bad_configuration', message: 'it is bad', problems: [problem] };
  const refused = await ask(doors.socket, '/api/v1/reload', { method: 'POST' });
  assert.deepEqual([refused.status, JSON.parse(refused.body).problems], [422, [problem]]);
  doors.control.reloadResult = { ok: false, code: 'shutting_down', message: 'later', problems: [] };
  const late = await ask(doors.socket, '/api/v1/reload', { method: 'POST' });
  assert.deepEqual([late.status, JSON.parse(late.body).error], [503, { code: 'shutting_down', message: 'later' }]);
});

test('shutdown is answered before it happens', async () => {
  await using doors = await openDoors();
  assert.equal((await ask(doors.socket, '/api/v1/shutdown', { method: 'POST' })).status, 202);
  assert.match(doors.control.orders[0] ?? '', /^shutdown by/);
});

test('who gave an order is in the log, marked as claimed', async () => {
  await using doors = await openDoors([service('web', UP)]);
  const headers = { 'X-Opsd-User': 'ann (uid 1000)' };
  await ask(doors.socket, '/api/v1/services/web/stop', { method: 'POST', headers });
  await ask(doors.socket, '/api/v1/services/web/stop', { method: 'POST', headers: { 'X-Opsd-User': 'x\u00ff"' } });
  assert.deepEqual(
    doors.log.map((line) => JSON.parse(line.slice(line.indexOf('{'))).by),
    ['ctl, who claims to be ann (uid 1000)', 'somebody on the control socket'],
  );
});

test('an order that is not a POST is told so', async () => {
  await using doors = await openDoors([service('web', UP)]);
  for (const path of [
    '/api/v1/shutdown',
    '/api/v1/orders',
    '/api/v1/services/web/stop',
    '/api/v1/services/web/scale',
  ]) {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      const { status, headers } = await ask(doors.socket, path, { method });
      assert.deepEqual([method, path, status, headers.allow], [method, path, 405, 'POST']);
    }
  }
  const rollouts = await ask(doors.socket, '/api/v1/rollouts', { method: 'DELETE' });
  assert.deepEqual([rollouts.status, rollouts.headers.allow], [405, 'GET, HEAD, POST']);
  assert.equal((await ask(doors.socket, '/api/v1/services/web/nonsense')).status, 404);
  assert.deepEqual(doors.control.orders, []);
});

test('nothing can be changed over TCP', async () => {
  await using doors = await openDoors([service('web', UP)]);
  const changing = [
    ...['start', 'stop', 'restart', 'signal', 'reset'].map((action) => `/api/v1/services/web/${action}`),
    '/api/v1/orders',
    '/api/v1/reload',
    '/api/v1/handover',
    '/api/v1/shutdown',
  ];
  for (const path of changing) {
    const reply = await ask(doors.tcp, path, { method: 'POST' });
    assert.deepEqual([path, reply.status, errorCode(reply)], [path, 403, 'read_only']);
    assert.equal((await ask(doors.tcp, path)).status, 404);
  }
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'POST', 'TRACE']) {
    const reply = await ask(doors.tcp, '/api/v1/services', { method });
    assert.deepEqual([method, reply.status], [method, 405]);
  }
  assert.deepEqual(doors.control.orders, []);
});

test('a page of a stranger whose name resolves to this machine is turned away', async () => {
  for (const host of ['127.0.0.1', 'localhost']) {
    await using doors = await openDoors([], { tcp: { host, port: 0 } });
    const from = (Host: string) => ask(doors.tcp, '/api/v1/services', { headers: { Host } });
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80']) {
      const reply = await from(host);
      assert.deepEqual([host, reply.status, errorCode(reply)], [host, 403, 'wrong_host']);
      assert.match(reply.body, /use localhost or 127\.0\.0\.1, or set daemon\.http/);
    }
    for (const host of ['localhost', 'LOCALHOST:9640', '10.0.0.1', '[::1]:9640']) {
      assert.deepEqual([host, (await from(host)).status], [host, 200]);
    }
  }
});

test('where opsd listens for other machines, it answers to whatever name they have for it, and to no change', async () => {
  for (const host of ['0.0.0.0', '::']) {
    await using doors = await openDoors([service('web', UP)], { tcp: { host, port: 0 } });
    const address = doors.tcp.replace(/^.*:/, '127.0.0.1:');
    const headers = { Host: 'node1.prod.example:9640' };
    assert.equal((await ask(address, '/metrics', { headers })).status, 200);
    const reply = await ask(address, '/api/v1/services/web/stop', { method: 'POST', headers });
    assert.deepEqual([reply.status, errorCode(reply)], [403, 'read_only']);
    assert.deepEqual(doors.control.orders, []);
  }
});

test('what services wrote is for the socket, and for TCP only where page_logs says so', async () => {
  let pageLogs = false;
  await using doors = await openDoors([service('web', UP)], { pageLogs: () => pageLogs });
  doors.control.lines.set('web', ['secret']);
  const why = async (door: string) => JSON.parse((await ask(door, '/api/v1/services/web/why')).body).last_lines;
  assert.deepEqual(await why(doors.socket), ['secret']);
  assert.deepEqual(await why(doors.tcp), []);
  assert.equal((await ask(doors.tcp, '/api/v1/services/web/log')).status, 403);
  pageLogs = true;
  assert.deepEqual(await why(doors.tcp), ['secret']);
});

test('the body of an order must be a small JSON object', async () => {
  await using doors = await openDoors([service('web', UP)]);
  const path = '/api/v1/services/web/stop';
  for (const body of ['{', '[]', '"x"', 'null', '\u0000']) {
    const reply = await ask(doors.socket, path, { method: 'POST', body });
    assert.deepEqual([body, reply.status, errorCode(reply)], [body, 400, 'bad_request']);
  }
  const large = await ask(doors.socket, path, json({ x: 'x'.repeat(70_000) }));
  assert.deepEqual([large.status, errorCode(large)], [413, 'too_large']);
  assert.deepEqual(doors.control.orders, []);
});

test('an error inside is a 500 that tells nothing of the inside', async () => {
  await using doors = await openDoors();
  doors.control.ready = () => {
    throw new Error('a secret of the inside');
  };
  const reply = await ask(doors.tcp, '/.well-known/ready');
  assert.deepEqual([reply.status, errorCode(reply)], [500, 'internal']);
  assert.ok(!reply.body.includes('secret'));
  assert.match(doors.log.join('\n'), /a secret of the inside/);
});

test('what is nowhere is a 404 in JSON', async () => {
  await using doors = await openDoors();
  for (const path of ['/nope', '/api/v1/services/%00', '/api/v1/services/..%2f..%2fetc', '/%ff', '//evil.example/x']) {
    const reply = await ask(doors.tcp, path);
    assert.equal(reply.status, 404, path);
    assert.equal(typeof errorCode(reply), 'string');
  }
});

test('HEAD tells the same without a body, and opens no stream', async () => {
  await using doors = await openDoors([service('web', UP)]);
  for (const path of ['/api/v1/services', '/api/v1/events', '/metrics']) {
    const reply = await ask(doors.tcp, path, { method: 'HEAD' });
    assert.deepEqual([reply.status, reply.body], [200, '']);
  }
  await turn();
  assert.equal(doors.control.listeners, 0);
});

test('the answer to a reader is of this moment', async () => {
  await using doors = await openDoors([service('web')]);
  const state = async () => JSON.parse((await ask(doors.tcp, '/api/v1/services')).body).services[0].state;
  assert.equal(await state(), 'stopped');
  doors.control.change('web', 'running');
  assert.equal(await state(), 'running');
});

test('a waiting order does not keep the servers from ending', async () => {
  const doors = await openDoors([service('web', UP)]);
  doors.control.gate = new Promise(() => {});
  const never = open(doors.socket, '/api/v1/services/web/stop', { method: 'POST' }).catch(() => 'cut');
  await ask(doors.socket, '/api/v1/services');
  await doors[Symbol.asyncDispose]();
  assert.equal(await never, 'cut');
});

test('what is only half understood is refused, and nothing is done', async () => {
  await using doors = await openDoors([service('web', UP)]);
  const bodies: [path: string, body: string, says: RegExp][] = [
    [
      '/api/v1/reload',
      '{"dryRun": true}',
      /"dryRun" is not a field of this request; its fields are dry_run, allow_empty/,
    ],
    ['/api/v1/reload', '{"dry_run": "yes"}', /dry_run: expected true or false/],
    ['/api/v1/handover', '{"x":', /expected a JSON object/],
    ['/api/v1/shutdown', '{"wait": true}', /"wait" is not a field of this request; it has no fields/],
    ['/api/v1/services/web/restart', '{"timeout": "-1s"}', /"timeout" is not a field/],
    ['/api/v1/services/web/stop', '{"cascade": 1}', /cascade: expected true or false/],
    ['/api/v1/orders', '{"action": "stop", "services": ["web"], "__proto__": 1}', /"__proto__" is not a field/],
  ];
  for (const [path, body, says] of bodies) {
    const reply = await ask(doors.socket, path, { method: 'POST', body });
    assert.deepEqual([path, reply.status, errorCode(reply)], [path, 400, 'bad_request']);
    assert.match(JSON.parse(reply.body).error.message, says);
  }
  assert.deepEqual(doors.control.orders, []);
});
