// A host without room: no process to be had, no descriptor left. Each in a process of its own that is kept short.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { waitFor } from '../../support/wait.ts';

const rig = resolve(import.meta.dirname, '../rig.ts');
const wait = resolve(import.meta.dirname, '../../support/wait.ts');

/** Runs a script with a rig `r` in a process with these limits of prlimit(1); gives what it printed as JSON. */
function run(limits: readonly string[], script: string): unknown {
  const source = `
    import { rig, serviceSpec, shell } from '${rig}';
    import { waitFor } from '${wait}';
    import { closeSync, openSync, writeFileSync } from 'node:fs';
    import { spawnSync } from 'node:child_process';
    await using r = await rig();
    const kinds = () => r.events.map((event) => event.type === 'spawn_failed' ? event.kind : event.type);
    ${script}`;
  const { stdout, stderr } = spawnSync('prlimit', [
    ...limits,
    process.execPath,
    '--input-type=module-typescript',
    '-e',
    source,
  ]);
  assert.equal(stderr.toString(), '');
  return JSON.parse(stdout.toString());
}

test('without a descriptor a spawn fails for the moment, what runs is seen and ended all the same, and then it goes on (35)', () => {
  const result = run(
    ['--nofile=60:60'],
    `
    await r.start(shell('setsid sleep 60 & exec sleep 60'), 1);
    await waitFor('the escape', () => r.discover().found[0]?.others.some(({ pid, session }) => pid === session));
    const taken = [];
    try { for (;;) taken.push(openSync('/dev/null')); } catch {}
    r.processes.spawn('web', 2, serviceSpec(['true']));
    await r.event('spawn_failed', 2);
    r.processes.signal('web', 1, 'SIGKILL', 'tree');
    const { left } = await r.event('exited', 1);
    r.processes.kill('web', 1);
    await r.event('tree_exited', 1);
    for (const descriptor of taken) closeSync(descriptor);
    r.processes.spawn('web', 3, serviceSpec(['true']));
    await r.event('exited', 3);
    console.log(JSON.stringify({ left, kinds: kinds(), log: r.log }));
  `,
  );
  assert.deepEqual(result, {
    left: 1,
    kinds: ['spawned', 'transient', 'exited', 'tree_exited', 'spawned', 'exited'],
    log: [],
  });
});

/** A cgroup of the pids controller, be it v1 or v2; null: this test may make none. */
function pidsCgroup(): ({ readonly path: string } & Disposable) | null {
  for (const parent of ['/sys/fs/cgroup/pids', '/sys/fs/cgroup']) {
    const path = join(parent, `opsd-test-pids-${process.pid}`);
    try {
      mkdirSync(path);
    } catch {
      continue;
    }
    if (existsSync(join(path, 'pids.max'))) return { path, [Symbol.dispose]: () => rmdirSync(path) };
    rmdirSync(path);
  }
  return null;
}

test('without room for another process a spawn fails for the moment, and then it goes on (34)', async (t) => {
  using cgroup = pidsCgroup();
  if (!cgroup) return t.skip('no pids controller that this test may use');
  const result = run(
    [],
    `
    writeFileSync('${cgroup.path}/cgroup.procs', '0');
    writeFileSync('${cgroup.path}/pids.max', '1');
    r.processes.spawn('web', 1, serviceSpec(['true']));
    const { message } = await r.event('spawn_failed', 1);
    writeFileSync('${cgroup.path}/pids.max', 'max');
    r.processes.spawn('web', 2, serviceSpec(['true']));
    await r.event('exited', 2);
    console.log(JSON.stringify({ kinds: kinds(), message }));
  `,
  );
  assert.deepEqual(result, {
    kinds: ['transient', 'spawned', 'exited'],
    message: 'cannot start true: process limit reached (TasksMax=, ulimit -u, pids.max) (EAGAIN)',
  });
  await waitFor('the cgroup to be empty', () => readFileSync(join(cgroup.path, 'cgroup.procs'), 'latin1') === '');
});
