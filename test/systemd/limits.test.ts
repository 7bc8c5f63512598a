// What only a kernel with real cgroup controllers shows: memory, OOM, and what a child is born with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyNoVirtualMachine } from './requirements.ts';
import {
  COUNTER_SERVICE,
  configure,
  daemonPid,
  editUnit,
  FAMILY_SERVICE,
  moreLines,
  nextDaemon,
  processes,
  SLEEPER_SERVICE,
  service,
} from './supervised.ts';
import { virtualMachine } from './virtual-machine.ts';

const why = whyNoVirtualMachine();
const skip = why === null ? false : `no virtual machine: ${why}`;

/** Fills 400 MB in one system call: so fast that nobody else is starved for long. */
const HOG =
  '[services.hog]\ncommand = ["dd", "if=/dev/zero", "of=/dev/null", "bs=400M"]\nbackoff = { initial = "2s", max = "2s" }\n';

test('a service that the kernel kills for memory fails with that reason, alone', { skip }, async () => {
  await using host = await virtualMachine();
  await configure(host, COUNTER_SERVICE, `${HOG}enabled = false\n`);
  await editUnit(host, 'MemoryMax=250M');
  await host.sh('systemctl start opsd');
  const [daemon, counter] = [await daemonPid(host), await service(host, 'counter')];
  await host.run('opsd ctl start hog --no-wait');
  const killed = await host.until(
    'an OOM kill',
    async () => {
      const hog = await service(host, 'hog');
      return hog.exit?.signal === 'SIGKILL' && hog;
    },
    60_000,
  );
  assert.match(killed.reason, /memory|OOM/i);
  assert.match(await host.sh('journalctl -u opsd -o cat --no-pager'), /state service=hog .*reason=oom/);
  assert.equal(await daemonPid(host), daemon, 'the daemon was killed');
  assert.equal((await service(host, 'counter')).pid, counter.pid, 'another service was killed');
});

test('each generation has a cgroup, which is gone with it; the next daemon starts beside those that live', {
  skip,
}, async () => {
  await using host = await virtualMachine();
  await configure(host, COUNTER_SERVICE, FAMILY_SERVICE, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd');
  const cgroupOf = async (name: string) =>
    await host.sh(`sed -n 's/^0:://p' /proc/${(await service(host, name)).pid}/cgroup`);
  const first = await cgroupOf('sleeper');
  assert.match(first, /^\/system\.slice\/opsd\.service\/.*sleeper/);
  assert.notEqual(first, await cgroupOf('counter'));
  await host.sh('opsd ctl restart sleeper');
  assert.notEqual(await cgroupOf('sleeper'), first);
  await host.until(
    'the end of the old cgroup',
    async () => (await host.run(`test -d /sys/fs/cgroup${first}`)).code !== 0,
  );

  const daemon = await daemonPid(host);
  const { pid } = await service(host, 'counter');
  await host.sh(`kill -9 ${daemon}`);
  const next = await nextDaemon(host, daemon, 30_000);
  assert.equal(next.services.find(({ name }) => name === 'counter')?.pid, pid);
  await moreLines(host, 20);
  await host.sh('systemctl stop opsd');
  assert.deepEqual(await processes(host), []);
});

test('the daemon is protected from OOM and may open many files; its children are and may not', { skip }, async () => {
  await using host = await virtualMachine();
  await configure(host, SLEEPER_SERVICE, `${SLEEPER_SERVICE.replace('sleeper', 'victim')}oom_score_adj = 500\n`);
  await host.sh('systemctl start opsd');
  const daemon = await daemonPid(host);
  const [sleeper, victim] = [(await service(host, 'sleeper')).pid, (await service(host, 'victim')).pid];
  assert.equal(await host.sh(`cat /proc/${daemon}/oom_score_adj`), '-900');
  assert.equal(await host.sh(`cat /proc/${sleeper}/oom_score_adj`), '0');
  assert.equal(await host.sh(`cat /proc/${victim}/oom_score_adj`), '500');
  const openFiles = async (pid: number | null) =>
    (await host.sh(`grep '^Max open files' /proc/${pid}/limits`)).split(/\s+/).slice(3, 5).join(' ');
  assert.equal(await openFiles(sleeper), '1024 524288');
  assert.match(await openFiles(daemon), / 524288$/);
});
