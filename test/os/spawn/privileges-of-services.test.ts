// What a service may and may not, read from the process itself: limits, priorities, privileges, a wrapper in front.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Launch, Limits } from '../../../src/core/model/spec.ts';
import { rig, serviceSpec, shell } from '../rig.ts';

const asRoot = process.getuid?.() === 0 ? {} : { skip: 'only root can do that' };
const noLimits = serviceSpec(['true']).launch.limits;

/** What a script prints that is started so. */
async function tells(script: string, launch: Partial<Launch>): Promise<string> {
  await using r = await rig();
  await r.start(shell(script, launch));
  await r.event('exited');
  return await r.output();
}

const limits = (some: Partial<Limits>): Partial<Launch> => ({ limits: { ...noLimits, ...some } });

test('descriptors and core files, soft and hard', async () => {
  const told = await tells('ulimit -n; ulimit -Hn; ulimit -c; ulimit -Hc', limits({ nofile: 77, core: 0 }));
  assert.equal(told, '77\n77\n0\n0\n');
});

test('the priority of its I/O', async () => {
  assert.equal(await tells('ionice', { ionice: { class: 'best-effort', level: 6 } }), 'best-effort: prio 6\n');
  assert.equal(await tells('ionice', { ionice: { class: 'idle', level: null } }), 'idle\n');
});

test('no new privileges', async () => {
  assert.equal(await tells('grep NoNewPrivs /proc/self/status', { noNewPrivileges: true }), 'NoNewPrivs:\t1\n');
});

test('capabilities: those that are named, and no way to more, for another user too', asRoot, async () => {
  const only = (mask: string) => ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => `Cap${set}:\t${mask}\n`).join('');
  const capabilities = ['CAP_NET_BIND_SERVICE'];
  for (const user of [null, 'nobody'])
    assert.equal(await tells('grep ^Cap /proc/self/status', { capabilities, user }), only('0000000000000400'));
  assert.equal(await tells('grep ^Cap /proc/self/status', { capabilities: [] }), only('0000000000000000'));
});

test('a wrapper is put in front of the command, behind what opsd sets', async () => {
  const wrapper = ['env', 'WRAPPED=yes', 'sh', '-c', 'ulimit -n; exec "$@"', 'wrapper'];
  assert.equal(await tells('echo $WRAPPED', { ...limits({ nofile: 88 }), wrapper }), '88\nyes\n');
});

test('a wrapper that is not there is named', async () => {
  await using r = await rig();
  r.processes.spawn('web', 1, serviceSpec(['true'], { wrapper: ['/no/such/bwrap', '--unshare-all'] }));
  const { kind, message } = await r.event('spawn_failed');
  assert.equal(kind, 'host');
  assert.match(message, /\/no\/such\/bwrap does not exist/);
});

test('what only a cgroup could limit is said once, with what happens instead', async () => {
  await using r = await rig();
  for (const generation of [1, 2]) {
    await r.start(serviceSpec(['true'], limits({ memory: 1 << 29, tasks: 50 })), generation);
    await r.event('exited', generation);
  }
  assert.deepEqual(r.log, [
    'service web: no cgroup controller for limits.memory was delegated to opsd: its memory is watched, and it is restarted when it takes more',
    'service web: no cgroup controller for limits.tasks was delegated to opsd: it has no effect',
  ]);
});

test('what opsd has no right to give is refused at once, with the key, instead of a tool that fails in front of it', async () => {
  await using r = await rig();
  // More than the kernel ever lets fs.nr_open be.
  r.processes.spawn('web', 1, serviceSpec(['true'], limits({ nofile: 2 ** 30 })));
  const { kind, message } = await r.event('spawn_failed');
  assert.equal(kind, 'host');
  assert.match(message, /^services\.web\.limits\.nofile: opsd can give at most \d+ here.*or lower it$/);
});
