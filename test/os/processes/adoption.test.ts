// What one opsd leaves running, the next one finds, adopts, and tells from strangers.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { identityOf } from '../../../src/os/proc/identity.ts';
import type { Found } from '../../../src/os/processes/process-discovery.ts';
import { userOf } from '../../../src/os/procfs/owner.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { waitFor } from '../../support/wait.ts';
import { end, isAlive, pidsOf, type Rig, rig, serviceSpec, shell } from '../rig.ts';

const sleep = serviceSpec(['sleep', '60']);

/** Starts the services as one opsd and goes away. */
async function left(r: Rig, ...scripts: string[]): Promise<number[]> {
  const pids: number[] = [];
  for (const [index, script] of scripts.entries()) {
    const ready = join(r.dir, `ready${index + 1}`);
    pids.push(await r.start(shell(script, { env: { READY: ready } }), index + 1));
    await waitFor('the service to be ready', () => existsSync(ready));
  }
  await r.processes[Symbol.asyncDispose]();
  return pids;
}

function only(found: readonly Found[]): Found {
  const [first] = found;
  assert.ok(first);
  assert.equal(found.length, 1);
  return first;
}

function known(pid: number) {
  const identity = identityOf(pid);
  assert.ok(identity);
  return identity;
}

const wait = ': > $READY; exec sleep 60';

test('each generation is found with its main process, its others, and when it started', async () => {
  await using r = await rig();
  const before = systemClock.now();
  const [first, second] = await left(r, wait, 'sleep 60 & setsid sleep 60 & : > $READY; wait');
  const { found, forged, mismatched } = r.discover();
  assert.deepEqual([forged, mismatched], [[], []]);
  assert.deepEqual(
    found.map(({ service, generation, main, others }) => [service, generation, main?.identity.pid, others.length]),
    [
      ['web', 1, first, 0],
      ['web', 2, second, 2],
    ],
  );
  for (const { main, uid } of found) {
    assert.equal(uid, process.getuid?.());
    assert.ok(main && main.startedAt > before - 20 && main.startedAt < systemClock.now() + 20, String(main?.startedAt));
  }
});

test('an adopted one is signalled, and its end is seen though nobody can tell how it was', async () => {
  await using r = await rig();
  await left(r, wait);
  await using next = await rig({ after: r });
  next.processes.adopt(only(next.discover().found), sleep);
  assert.ok(next.processes.identity('web', 1));
  assert.deepEqual(next.events, []);
  next.processes.signal('web', 1, 'SIGTERM', 'main');
  const event = await next.event('exited', 1, 2_000);
  assert.deepEqual([event.exit, event.left], [{ code: null, signal: null, oom: false }, 0]);
});

test('adopted ones that are asked to end are not waited for until the next round', async () => {
  await using r = await rig();
  await left(r, wait, wait, wait, wait, wait, wait);
  await using next = await rig({ after: r });
  const { found } = next.discover();
  for (const one of found) next.processes.adopt(one, sleep);
  const before = systemClock.now();
  for (const { generation } of found) {
    next.processes.signal('web', generation, 'SIGTERM', 'main');
    await next.event('exited', generation);
  }
  // Six rounds take 1,500 ms.
  assert.ok(systemClock.now() - before < 900, `it took ${systemClock.now() - before} ms`);
});

test('killing an adopted one ends all of its tree', async () => {
  await using r = await rig();
  await left(r, 'trap "" TERM; sleep 60 & setsid sleep 60 & : > $READY; while :; do wait; done');
  await using next = await rig({ after: r });
  next.processes.adopt(only(next.discover().found), sleep);
  next.processes.kill('web', 1);
  const { left: others } = await next.event('exited', 1, 2_000);
  if (others > 0) await next.event('tree_exited');
  await waitFor('the end of all', () => next.alive().length === 0);
});

test('a main process that ended in between: the rest is adopted, and told at once', async () => {
  await using r = await rig();
  const [pid = 0] = await left(r, 'setsid sleep 60 & sleep 60 & : > $READY; wait');
  const identity = known(pid);
  end(pid);
  await waitFor('its end', () => !isAlive(pid));
  await using next = await rig({ after: r });
  const hint = { service: 'web', generation: 1, pid, identity };
  const found = only(next.discover({ hints: [hint] }).found);
  assert.deepEqual([found.main, found.leader?.pid, found.others.length], [null, pid, 2]);
  next.processes.adopt(found, sleep);
  assert.equal((await next.event('exited')).left, 2);
  next.processes.signal('web', 1, 'SIGTERM', 'tree');
  await next.event('tree_exited');
});

test('the main process is the one whose identity was recorded, even if it threw its marker away', async () => {
  await using r = await rig();
  const [pid = 0] = await left(r, ': > $READY; exec env -i sleep 60');
  await waitFor('the exec', () => r.discover().found.length === 0);
  const identity = known(pid);
  const seen = r.discover({ hints: [{ service: 'web', generation: 1, pid, identity }] });
  assert.equal(only(seen.found).main?.identity.pid, pid);
  await using next = await rig({ after: r });
  next.processes.adopt(only(seen.found), sleep);
  next.processes.kill('web', 1);
  await next.event('exited');
});

test('a PID file tells which of several session leaders is the main process', async () => {
  await using r = await rig();
  await left(r, 'setsid sleep 60 & : > $READY; exec sleep 61');
  const escapee = await waitFor('the escape', () =>
    r.discover().found[0]?.others.find(({ pid, session }) => pid === session),
  );
  const hint = { service: 'web', generation: null, pid: escapee.pid, identity: null };
  assert.equal(only(r.discover({ hints: [hint] }).found).main?.identity.pid, escapee.pid);
});

test('a main process that is remembered to have ended is not looked for among those that escaped from it', async () => {
  await using r = await rig();
  const [pid = 0] = await left(r, 'setsid sleep 60 & : > $READY; exec sleep 61');
  end(pid);
  await waitFor('its end', () => !isAlive(pid));
  const found = only(r.discover({ ended: [{ service: 'web', generation: 1 }] }).found);
  assert.deepEqual([found.main, found.others.length], [null, 1]);
});

test('a PID file that names none of them: the main process has ended, and no escapee is taken for it', async () => {
  await using r = await rig();
  const [pid = 0] = await left(r, 'setsid sleep 60 & : > $READY; exec sleep 61');
  end(pid);
  await waitFor('its end', () => !isAlive(pid));
  const pidFile = { service: 'web', generation: null, pid, identity: null };
  const found = only(r.discover({ hints: [pidFile] }).found);
  assert.deepEqual([found.main, found.others.length], [null, 1]);
  await using next = await rig({ after: r });
  next.processes.adopt(found, sleep);
  assert.equal((await next.event('exited')).left, 1);
  next.processes.signal('web', 1, 'SIGTERM', 'tree');
  await next.event('tree_exited');
});

test('a recorded number that belongs to another process now is told and never signalled (edge case 1, 3)', async () => {
  await using r = await rig();
  const stranger = spawn('sleep', ['60'], { stdio: 'ignore', detached: true });
  try {
    const pid = stranger.pid ?? 0;
    const identity = known(pid);
    const hints = [
      { service: 'web', generation: 1, pid, identity: { ...identity, startTime: identity.startTime + 7 } },
      { service: 'web', generation: 2, pid, identity: { ...identity, bootId: '00000000-0000-4000-8000-000000000000' } },
      { service: 'web', generation: null, pid, identity: null },
    ];
    const { found, mismatched } = r.discover({ hints });
    assert.deepEqual([found, mismatched], [[], hints.slice(0, 2)]);
    assert.ok(isAlive(pid));
  } finally {
    stranger.kill('SIGKILL');
  }
});

test('another run directory is another opsd', async () => {
  await using r = await rig();
  await using other = await rig();
  await left(r, wait);
  assert.deepEqual(other.discover(), { found: [], forged: [], mismatched: [] });
});

test('a service of another user is found when that user is its own, and forged when not', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can start as somebody else');
  await using r = await rig();
  const pid = await r.start(serviceSpec(['sleep', '60'], { user: 'nobody' }));
  await r.processes[Symbol.asyncDispose]();
  const asNobody = await waitFor('it to have given up its rights', () => {
    const seen = r.discover({ uidOf: () => 65_534 }).found[0];
    return seen && userOf(pid) === 65_534 ? seen : null;
  });
  assert.equal(asNobody.uid, 65_534);
  assert.equal(asNobody.main?.identity.pid, pid);
  const { found, forged } = r.discover({ uidOf: () => 1 });
  assert.deepEqual([found, forged.map((process) => [process.pid, process.uid])], [[], [[pid, 65_534]]]);
});

test('one that has not become its user yet is taken for what it is to be', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can start as somebody else');
  await using r = await rig();
  await left(r, wait);
  const found = only(r.discover({ uidOf: () => 65_534 }).found);
  assert.equal(found.uid, 65_534);
  // Its children will be of that user, and their markers are to be believed.
  r.processes.adopt(found, sleep);
  assert.equal(r.processes.uid('web', 1), 65_534);
});

test('a stray is asked to end, then killed; nothing is reported of it', async () => {
  await using r = await rig();
  await left(r, wait, 'trap "" TERM; sleep 60 & setsid sleep 60 & : > $READY; while :; do wait; done');
  await using next = await rig({ after: r });
  const strays = next.discover().found;
  const pids = strays.flatMap(pidsOf);
  assert.deepEqual(await Promise.all(strays.map((stray) => next.processes.endStray(stray, 300))), [true, true]);
  assert.deepEqual(next.events, []);
  assert.deepEqual(pids.filter(isAlive), []);
  assert.deepEqual(next.alive(), []);
});

test('no generation is started beside a stray of the same number', async () => {
  await using r = await rig();
  await left(r, 'trap "" TERM; : > $READY; while :; do sleep 0.05; done');
  await using next = await rig({ after: r });
  const ending = next.processes.endStray(only(next.discover().found), 100);
  next.processes.spawn('web', 1, sleep);
  assert.match((await next.event('spawn_failed')).message, /generation 1 are still alive/);
  assert.equal(await ending, true);
  await next.start(sleep);
});

test('an adopted one that becomes a zombie, because nobody fetches it, is seen within 5 s', async () => {
  await using r = await rig();
  // Its parent is neither us nor init: a process that was replaced and never asks for its children.
  const script = `OPSD_MARKER=1:web:${r.runDir} setsid sleep 60 & exec sleep 60`;
  const parent = spawn('sh', ['-c', script], { stdio: 'ignore' });
  try {
    const found = await waitFor('the adopted one', () => r.discover().found[0]);
    r.processes.adopt(found, sleep);
    end(found.main?.identity.pid ?? 0);
    await r.event('exited', 1, 6_000);
  } finally {
    parent.kill('SIGKILL');
  }
});
