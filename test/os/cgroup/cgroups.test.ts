// Generations in cgroups of their own: the real thing where this host lets us, plain folders for what it does not have.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Cgroups, detectCgroups, type Surroundings } from '../../../src/os/cgroup/cgroups.ts';
import { ownUnit } from '../../../src/os/systemd/own-unit.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { scratch } from '../../support/scratch.ts';
import { waitFor } from '../../support/wait.ts';
import { end, isAlive, rig, serviceSpec, shell } from '../rig.ts';

const mounts = readFileSync('/proc/self/mountinfo', 'latin1');
const [, mountPoint] = /^\S+ \S+ \S+ \/ (\S+) .* - cgroup2 /m.exec(mounts) ?? [];

/** A cgroup of the test's own; null where none can be had. */
function delegated(t: TestContext): ({ readonly path: string; readonly name: string } & Disposable) | null {
  const name = `opsd-test-${process.pid}`;
  const path = join(mountPoint ?? '/nowhere', name);
  try {
    mkdirSync(path);
  } catch {
    t.skip('no cgroup v2 that this test may write to');
    return null;
  }
  return { path, name, [Symbol.dispose]: () => remove(path) };
}

function remove(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) remove(join(path, entry.name));
  rmdirSync(path);
}

test('a generation lives in a cgroup of its own from its first instruction, and it goes with it', async (t) => {
  using base = delegated(t);
  if (!base) return;
  const cgroups = new Cgroups(base.path, systemClock);
  await using r = await rig({ cgroups });
  await r.start(shell('cat /proc/self/cgroup', { umask: 0o77 }));
  await r.event('exited');
  assert.match(await r.output(), new RegExp(`^0::/${base.name}/web\\.1$`, 'm'));
  await waitFor('the removal', () => !existsSync(join(base.path, 'web.1')));
});

test('so does a generation of another user, who could not enter it', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can become somebody else');
  using base = delegated(t);
  if (!base) return;
  await using r = await rig({ cgroups: new Cgroups(base.path, systemClock) });
  await r.start(shell('id -u; cat /proc/self/cgroup', { user: 'nobody', oomScoreAdj: 50 }));
  await r.event('exited');
  assert.match(await r.output(), new RegExp(`^65534\\n[^]*^0::/${base.name}/web\\.1$`, 'm'));
});

test('who throws away session and environment is still in the cgroup, and ended with it', async (t) => {
  using base = delegated(t);
  if (!base) return;
  const cgroups = new Cgroups(base.path, systemClock);
  await using r = await rig({ cgroups });
  const lost = 'setsid env -i /bin/sh -c "trap \\"\\" TERM; while :; do /bin/sleep 0.05; done"';
  await r.start(shell(`${lost} & : > $READY; exit 3`, { env: { READY: join(r.dir, 'ready') } }));
  const { left } = await r.event('exited');
  assert.ok(left > 0);
  r.processes.kill('web', 1);
  await r.event('tree_exited');
  assert.deepEqual(cgroups.members(join(base.path, 'web.1')), []);
  await waitFor('the removal', () => !existsSync(join(base.path, 'web.1')));
});

test('a fork bomb is ended at one stroke (edge case 13)', async (t) => {
  using base = delegated(t);
  if (!base) return;
  const cgroups = new Cgroups(base.path, systemClock);
  await using r = await rig({ cgroups });
  const link = '#!/bin/sh\nsetsid "$0" &\nsleep 0.05\n';
  writeFileSync(join(r.dir, 'link'), link, { mode: 0o755 });
  await r.start(shell(`for i in 1 2 3; do setsid ${r.dir}/link & done; wait`));
  await waitFor('them to run', () => cgroups.members(join(base.path, 'web.1')).length > 6);
  r.processes.kill('web', 1);
  if ((await r.event('exited')).left > 0) await r.event('tree_exited');
  await waitFor('the removal', () => !existsSync(join(base.path, 'web.1')));
});

test('a cgroup that still holds processes is never used again (55), an empty one is', async (t) => {
  using base = delegated(t);
  if (!base) return;
  const cgroups = new Cgroups(base.path, systemClock);
  await using r = await rig({ cgroups });
  const pid = await r.start(serviceSpec(['sleep', '60']));
  await waitFor('it to be in', () => cgroups.members(join(base.path, 'web.1')).includes(pid));
  assert.throws(() => cgroups.create('web', 1), /EBUSY/);
  assert.deepEqual(cgroups.sweep(), [{ service: 'web', generation: 1, path: join(base.path, 'web.1') }]);
  end(pid);
  await r.event('exited');
  mkdirSync(join(base.path, 'web.2', 'nested'), { recursive: true });
  assert.equal(cgroups.create('web', 2), join(base.path, 'web.2'));
  assert.equal(existsSync(join(base.path, 'web.2', 'nested')), false);
  assert.deepEqual(cgroups.sweep(), []);
  await waitFor('the removal', () => !existsSync(join(base.path, 'web.2')));
});

test('one that is busy stays, and its service runs without', async (t) => {
  using base = delegated(t);
  if (!base) return;
  const cgroups = new Cgroups(base.path, systemClock);
  await using r = await rig({ cgroups });
  await using other = await rig({ cgroups });
  const first = await r.start(serviceSpec(['sleep', '60']));
  await waitFor('it to be in', () => cgroups.members(join(base.path, 'web.1')).includes(first));
  await other.start(serviceSpec(['true']));
  await other.event('exited');
  assert.match(other.log.join(), /runs without a cgroup of its own: an old cgroup of that name still has processes/);
  assert.ok(isAlive(first));
  end(first);
  await r.event('exited');
  await waitFor('the removal', () => !existsSync(join(base.path, 'web.1')));
});

test('an adopted generation keeps its cgroup', async (t) => {
  using base = delegated(t);
  if (!base) return;
  const cgroups = new Cgroups(base.path, systemClock);
  await using r = await rig({ cgroups });
  await r.start(shell('setsid env -i /bin/sleep 60 & exec sleep 60'));
  await waitFor('both to be in', () => cgroups.members(join(base.path, 'web.1')).length === 2);
  await r.processes[Symbol.asyncDispose]();
  await using next = await rig({ after: r, cgroups });
  const populated = cgroups.sweep().map((leftover) => ({ ...leftover, pids: cgroups.members(leftover.path) }));
  const { found } = next.discover({ populated });
  assert.deepEqual([found.length, found[0]?.others.length], [1, 1]);
  for (const one of found) next.processes.adopt(one, serviceSpec(['sleep', '60']));
  next.processes.kill('web', 1);
  if ((await next.event('exited')).left > 0) await next.event('tree_exited');
  await waitFor('the removal', () => !existsSync(join(base.path, 'web.1')));
});

test('opsd moves itself into a leaf of the unit that was delegated to it', (t) => {
  using base = delegated(t);
  if (!base) return;
  const [, own = '/'] = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1')) ?? [];
  try {
    const { cgroups, description } = detectCgroups(
      surroundings({ ownCgroup: `0::/${base.name}\n`, mounts }),
      systemClock,
    );
    assert.ok(cgroups);
    assert.match(description, new RegExp(`below ${base.path}$`));
    assert.match(readFileSync('/proc/self/cgroup', 'latin1'), new RegExp(`^0::/${base.name}/opsd\\.daemon$`, 'm'));
    const again = detectCgroups(surroundings({ ownCgroup: `0::/${base.name}/opsd.daemon\n`, mounts }), systemClock);
    assert.equal(again.description, description);
  } finally {
    writeFileSync(join(mountPoint ?? '', own, 'cgroup.procs'), '0');
    rmdirSync(join(base.path, 'opsd.daemon'));
  }
});

function surroundings(fields: Partial<Surroundings>): Surroundings {
  return { ownCgroup: '0::/opsd.service\n', mounts: '', uid: 0, isUnit: true, hasDelegate: () => true, ...fields };
}

test('where nothing was delegated it says why, and goes without', async () => {
  await using folder = await scratch();
  const fake = (root = '/') => `30 24 0:26 ${root} ${folder.path} rw,nosuid shared:9 - cgroup2 cgroup2 rw\n`;
  mkdirSync(join(folder.path, 'opsd.service'));
  const cases: readonly (readonly [Partial<Surroundings>, RegExp])[] = [
    [{ mounts: '30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n' }, /cgroup v2 is not mounted/],
    [{ mounts: fake(), ownCgroup: '4:memory:/x\n' }, /cgroup v2 is not mounted, or we are not in it/],
    [{ mounts: fake(), ownCgroup: '0::/../other\n' }, /we are not in it/],
    [{ mounts: fake('/elsewhere') }, /we are not in it/],
    [{ mounts: fake(), isUnit: false }, /not a systemd unit/],
    [{ mounts: fake() }, /kernel before 5\.14/],
  ];
  for (const [given, expected] of cases) {
    const { cgroups, description } = detectCgroups(surroundings(given), systemClock);
    assert.equal(cgroups, null);
    assert.match(description, expected);
    assert.match(description, /^no cgroups .*: process trees are found by session and environment$/);
  }
  writeFileSync(join(folder.path, 'opsd.service', 'cgroup.kill'), '');
  assert.match(
    detectCgroups(surroundings({ mounts: fake(), hasDelegate: () => false }), systemClock).description,
    /no Delegate=yes/,
  );
  assert.ok(detectCgroups(surroundings({ mounts: fake() }), systemClock).cgroups);
  assert.equal(readFileSync(join(folder.path, 'opsd.service/opsd.daemon/cgroup.procs'), 'latin1'), '0');
});

test('the kernel says whom it killed for want of memory', async () => {
  await using folder = await scratch();
  const events = (path: string, count: number) =>
    writeFileSync(join(path, 'memory.events'), `low 0\noom 4\noom_kill ${count}\n`);
  const cgroups = new Cgroups(folder.path, systemClock);
  const own = cgroups.create('web', 1);
  events(own, 0);
  assert.equal(cgroups.wasOutOfMemory(own), false);
  events(own, 1);
  assert.equal(cgroups.wasOutOfMemory(own), true);
});

test('where only the unit counts, each kill is believed once', async () => {
  await using folder = await scratch();
  const events = (count: number) => writeFileSync(join(folder.path, 'memory.events'), `oom_kill ${count}\n`);
  events(3);
  const cgroups = new Cgroups(folder.path, systemClock);
  const path = cgroups.create('web', 1);
  assert.equal(cgroups.wasOutOfMemory(path), false);
  events(4);
  assert.deepEqual([cgroups.wasOutOfMemory(path), cgroups.wasOutOfMemory(path)], [true, false]);
});

test('our unit is the innermost service of our cgroup', () => {
  assert.equal(ownUnit('1:name=systemd:/\n0::/system.slice/opsd.service/opsd.daemon\n'), 'opsd.service');
  assert.equal(ownUnit('0::/user.slice/user@1000.service/app.slice/opsd@a.service\n'), 'opsd@a.service');
  assert.equal(ownUnit('0::/\n'), null);
});
