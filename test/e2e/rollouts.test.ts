// Rollouts of a real service under load: no request fails, and a bad version does not get far.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceView } from '../../src/api/services.ts';
import { activate } from '../support/activated.ts';
import { balance, freePorts } from '../support/balancer.ts';
import { HttpLoad } from '../support/http-load.ts';
import { type Opsd, startOpsd } from '../support/opsd.ts';
import { loadWithWrk, withWrk } from '../support/wrk.ts';

/** Answers with its version, takes its time for it, and goes when it has answered all that it accepted. */
const SERVER = `import { createServer } from 'node:http';
import { Server } from 'node:net';
const version = process.argv[2];
if (version === 'bad') process.exit(3);
const server = createServer((request, response) => {
  setTimeout(() => response.end(version), request.url === '/' ? 5 : 0);
});
if (process.env.PORT === undefined) server.listen({ fd: 3 });
else server.listen(Number(process.env.PORT), '127.0.0.1');
// The close of http ends connections, too, on which the request is still to come.
process.on('SIGTERM', () => Server.prototype.close.call(server, () => process.exit(0)));
`;
const FILES = { 'server.mjs': SERVER };
const NODE = JSON.stringify(process.execPath);
const ALL = ['web@1', 'web@2', 'web@3', 'web@4'];

const configOf = (base: number, version: string, more = '') => `[services.web]
command = [${NODE}, "server.mjs", "${version}"]
instances = 4
env = { PORT = "\${${base} + instance}" }
ready = { on = "http", url = "/", interval = "20ms", timeout = "20s" }
backoff = { initial = "200ms" }
${more}
`;

/** Four instances that are up, and a balancer in front of them. */
async function startFour(more = '') {
  await using stack = new AsyncDisposableStack();
  const base = await freePorts(6);
  const opsd = stack.use(await startOpsd({ config: configOf(base, 'v1', more), files: FILES }));
  for (const name of ALL) await opsd.until(name, 'running');
  const { port } = stack.use(await balance([1, 2, 3, 4].map((instance) => base + instance)));
  const owned = stack.move();
  return {
    opsd,
    port,
    configure: (version: string) => opsd.configure(configOf(base, version, more)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const pidsOf = async (opsd: Opsd) => await Promise.all(ALL.map(async (name) => (await opsd.status(name)).pid));

async function rolloutOf(opsd: Opsd) {
  const { rollouts } = JSON.parse((await opsd.ctl('rollout', 'status', '--json')).stdout);
  return rollouts[0];
}

async function untilOver(opsd: Opsd) {
  return await opsd.logged(/rollout service=web what=(done|stopped|rolled_back) [^\n]*\n/);
}

test('a rolling restart and a reload of four instances under load: no request fails', async () => {
  await using web = await startFour();
  const { opsd } = web;
  const before = await pidsOf(opsd);
  const load = new HttpLoad(web.port, 8);
  {
    await using _load = load;
    await load.more(200);
    const restarted = await opsd.ctl('restart', 'web', '--rolling');
    assert.deepEqual([restarted.code, restarted.stdout], [0, 'web: 4 restarted, and ready\n'], restarted.stderr);
    const after = await pidsOf(opsd);
    assert.ok(after.every((pid, index) => pid !== before[index]));
    await web.configure('v2');
    const reloaded = await opsd.ctl('reload');
    assert.match(reloaded.stdout, /follow it with: opsd ctl rollout status web\n$/);
    await opsd.until('web@4', ({ generation, state }) => generation === 3 && state === 'running');
    await load.more(200);
  }
  assert.deepEqual(load.failures, []);
  assert.deepEqual([...load.answers.keys()].toSorted(), ['v1', 'v2']);
  const log = await opsd.log();
  assert.match(log, /rollout service=web what=begun detail="4 of 4 are restarted, one after the other"/);
  assert.equal(log.match(/rollout service=web what=done /g)?.length, 2);
});

test('a rolling restart of four instances under wrk: it counts no failed request', withWrk, async () => {
  await using web = await startFour();
  const { requests, failures } = await loadWithWrk(web.port, async () => {
    const restarted = await web.opsd.ctl('restart', 'web', '--rolling');
    assert.deepEqual([restarted.code, restarted.stdout], [0, 'web: 4 restarted, and ready\n'], restarted.stderr);
  });
  assert.deepEqual(failures, []);
  assert.ok(requests > 100, `only ${requests} requests in all`);
});

test('with a stand-in all four are up all the time, and it is gone afterwards', async () => {
  await using web = await startFour('rollout = { max_unavailable = 0, max_surge = 1 }');
  const { opsd } = web;
  const load = new HttpLoad(web.port, 8);
  {
    await using _load = load;
    await web.configure('v2');
    assert.equal((await opsd.ctl('reload')).code, 0);
    const standIn = await opsd.until('web@5', ({ rollout }) => rollout?.turn === 'stands in');
    assert.match(standIn.rollout?.detail ?? '', /surge instance of the rollout of web/);
    await untilOver(opsd);
    await load.more(100);
  }
  assert.deepEqual(load.failures, []);
  const { services } = JSON.parse((await opsd.ctl('status', '--json')).stdout);
  assert.ok(services.every(({ name, state }: ServiceView) => name !== 'web@5' || state !== 'running'));
  const standInUp = (await opsd.log()).indexOf('service=web@5 from=starting to=running');
  const firstDown = (await opsd.log()).indexOf('service=web@1 from=running to=stopping');
  assert.ok(standInUp > 0 && firstDown > standInUp, 'the new one was ready before an old one was asked to go');
});

test('a bad version stops at the first: three serve on, status says what to do, undo brings it back', async () => {
  await using web = await startFour();
  const { opsd } = web;
  const before = await pidsOf(opsd);
  const load = new HttpLoad(web.port, 8);
  {
    await using _load = load;
    await web.configure('bad');
    assert.equal((await opsd.ctl('reload')).code, 0);
    await opsd.logged(/CRITICAL[^\n]*rollout[^\n]*web@1 did not get ready: exit code 3/);
    await load.more(200);
    assert.deepEqual((await pidsOf(opsd)).slice(1), before.slice(1), 'what still runs is untouched');
    const status = await opsd.ctl('rollout', 'status', 'web');
    assert.equal(status.code, 2);
    assert.match(status.stdout, /stopped, web@1 did not get ready: exit code 3; as before: web@2, web@3, web@4/);
    assert.match(status.stdout, /opsd ctl rollout undo web/);
    assert.match((await opsd.ctl('status', 'web@3')).stdout, /as before: the rollout stopped/);
    const undone = await opsd.ctl('rollout', 'undo', 'web');
    assert.deepEqual(
      [undone.code, undone.stdout],
      [0, 'web: 1 rolled back to their previous configuration, and ready\n'],
    );
    assert.equal((await opsd.status('web@1')).state, 'running');
    // The file still says bad: that is not tried again by itself.
    assert.match((await opsd.ctl('reload')).stdout, /was rolled back; .*opsd ctl rollout retry web/);
    assert.equal((await opsd.status('web@1')).state, 'running');
  }
  assert.deepEqual(load.failures, []);
  assert.deepEqual([...load.answers.keys()], ['v1']);
});

test('with "rollback" a bad version goes back by itself, and a better one is tried again', async () => {
  await using web = await startFour('rollout = { on_failure = "rollback" }');
  const { opsd } = web;
  const before = await pidsOf(opsd);
  const load = new HttpLoad(web.port, 8);
  {
    await using _load = load;
    await web.configure('bad');
    const told = await opsd.ctl('reload', '--wait');
    assert.deepEqual(
      [told.code, /rollout of web: web@1 did not get ready: exit code 3; 1 rolled back/.test(told.stderr)],
      [2, true],
    );
    await opsd.logged(/rollout service=web what=turned_back [^\n]*web@1 did not get ready: exit code 3/);
    await opsd.logged(/rollout service=web what=rolled_back/);
    assert.equal((await opsd.status('web@1')).state, 'running');
    assert.deepEqual((await pidsOf(opsd)).slice(1), before.slice(1));
    assert.equal((await rolloutOf(opsd)).direction, 'back');
    await web.configure('v1');
    assert.match((await opsd.ctl('reload', '--dry-run')).stdout, /= web@1 {2}runs with this already, no restart\n/);
    await web.configure('bad');
    // The next daemon finds the bad version in the file, too, and knows better.
    assert.equal((await opsd.ctl('handover', '--no-wait')).code, 0);
    await opsd.restart();
    assert.equal((await rolloutOf(opsd)).detail, 'its configuration before a change that was rolled back');
    assert.deepEqual((await pidsOf(opsd)).slice(1), before.slice(1));
    await web.configure('v2');
    assert.equal((await opsd.ctl('reload', '--wait')).code, 0);
    await opsd.logged(/rollout service=web what=done/);
    await load.more(100);
  }
  assert.deepEqual(load.failures, []);
  assert.deepEqual([...load.answers.keys()].toSorted(), ['v1', 'v2']);
});

test('kill -9 of opsd in the middle: the next one finishes what was begun, and no request fails', async () => {
  await using web = await startFour('rollout = { max_unavailable = 0, max_surge = 1 }');
  const { opsd } = web;
  const load = new HttpLoad(web.port, 8);
  {
    await using _load = load;
    await web.configure('v2');
    assert.equal((await opsd.ctl('reload')).code, 0);
    await opsd.until('web@2', ({ state }) => state === 'stopping' || state === 'starting');
    await opsd.crash();
    await opsd.restart();
    await untilOver(opsd);
    await load.more(100);
  }
  assert.deepEqual(load.failures, []);
  const until = new HttpLoad(web.port, 4);
  {
    await using _until = until;
    await until.more(100);
  }
  assert.deepEqual([...until.answers.keys()], ['v2']);
});

test('one service on a shared socket: its stand-in takes over before it goes, and no request fails', async () => {
  const config = (version: string) => `[services.web]
command = [${NODE}, "server.mjs", "${version}"]
sockets = ["web"]
ready = { on = "delay", delay = "300ms", timeout = "20s" }
rollout = { max_unavailable = 1, max_surge = 1 }
`;
  await using opsd = await activate(['web'], { config: config('v1'), files: FILES });
  await opsd.until('web', ({ state }) => state === 'running');
  const load = new HttpLoad(opsd.ports[0] ?? 0, 8);
  {
    await using _load = load;
    await load.more(100);
    await opsd.place.configure(config('v2'));
    assert.equal((await opsd.place.ctl('reload')).code, 0);
    await opsd.until('web@2', ({ state }) => state === 'running');
    await opsd.until('web', ({ state, generation }) => state === 'running' && generation === 2);
    await load.more(100);
    const restarted = await opsd.place.ctl('restart', 'web', '--rolling');
    assert.deepEqual([restarted.code, restarted.stdout], [0, 'web: 1 restarted, and ready\n'], restarted.stderr);
    await load.more(100);
  }
  assert.deepEqual(load.failures, []);
  assert.deepEqual([...load.answers.keys()].toSorted(), ['v1', 'v2']);
});
