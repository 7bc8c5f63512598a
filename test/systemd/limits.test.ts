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
      // Between two tries: a moment later it runs again, and has another reason.
      return hog.exit?.signal === 'SIGKILL' && /memory|OOM/i.test(hog.reason) && hog;
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

/**
 * What DelegateSubgroup=opsd.daemon does from systemd 254 on, which no Debian before 13 has: opsd is born in a leaf of its
 * unit's cgroup, so that it may hand the controllers on to the cgroups of its services.
 */
const BORN_IN_LEAF = `ExecStart=
ExecStart=/bin/sh -c 'leaf=/sys/fs/cgroup/system.slice/opsd.service/opsd.daemon; mkdir -p $$leaf && echo $$$$ >$$leaf/cgroup.procs && exec /usr/local/bin/opsd run'`;

const LIMITED = `[services.limited]
command = ["sleep", "1000"]
limits = { memory = "64M", memory_high = "48M", cpu = "150%", tasks = 20, io_weight = 50, nofile = 777 }
`;

/** Asks for more of each than it may have. */
const GREEDY = `[services.hog]
command = ["dd", "if=/dev/zero", "of=/dev/null", "bs=100M"]
limits = { memory = "40M" }
backoff = { initial = "5s", max = "5s" }
[services.forker]
command = ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; wait"]
limits = { tasks = 5 }
backoff = { initial = "5s", max = "5s" }
[services.spinner]
command = ["sh", "-c", "while :; do :; done"]
limits = { cpu = "20%" }
`;

test('limits are held by the cgroup of the service, and status and why say by whom', { skip }, async (t) => {
  await using host = await virtualMachine();
  await configure(host, LIMITED);
  await host.sh('systemctl start opsd');
  const limitOf = async () => (await service(host, 'limited')).memory_limit;
  assert.deepEqual(await limitOf(), { bytes: 64 << 20, held_by: 'restart' });
  assert.match(
    await host.sh('opsd ctl why limited'),
    /memory limit *64 MiB: opsd looks every 5 s and restarts the service when it stays above/,
  );
  const journal = await host.sh('journalctl -u opsd -o cat --no-pager');
  assert.match(
    journal,
    /limited: no cgroup controller for limits\.memory was delegated to opsd: its memory is watched/,
  );
  assert.match(journal, /limited: no cgroup controller for limits\.cpu was delegated to opsd: it has no effect/);
  await host.sh('systemctl stop opsd');

  await configure(host, LIMITED, GREEDY);
  await editUnit(host, BORN_IN_LEAF);
  await host.sh('systemctl start opsd');
  assert.deepEqual(await limitOf(), { bytes: 64 << 20, held_by: 'cgroup' });
  assert.match(await host.sh('opsd ctl why limited'), /memory limit *64 MiB: enforced by the kernel \(cgroup\)/);
  const cgroupOf = async (name: string) => {
    const { pid } = await host.until(`a process of ${name}`, async () => {
      const view = await service(host, name);
      return view.pid !== null && view;
    });
    return `/sys/fs/cgroup${await host.sh(`sed -n 's/^0:://p' /proc/${pid}/cgroup`)}`;
  };
  const own = await cgroupOf('limited');
  const files = await host.sh(`cd ${own} && cat memory.max memory.high cpu.max pids.max`);
  assert.deepEqual(files.split('\n'), [String(64 << 20), String(48 << 20), '150000 100000', '20']);
  const weight = await host.run(`cat ${own}/io.weight`);
  if (weight.code === 0) assert.match(weight.stdout, /^default 50$/m);
  else t.diagnostic('this kernel has no io.weight: not looked at');

  const hog = await host.until(
    'an OOM kill in the cgroup of the hog',
    async () => {
      const view = await service(host, 'hog');
      return view.exit?.signal === 'SIGKILL' && /memory|OOM/i.test(view.reason) && view;
    },
    60_000,
  );
  assert.match(hog.reason, /memory|OOM/i);
  assert.match(await host.sh('journalctl -u opsd -o cat --no-pager'), /state service=hog .*reason=oom/);
  const counted = (name: string, file: string, key: string) =>
    host.until(
      `${key} in ${file} of ${name}`,
      async () => {
        const { stdout } = await host.run(`sed -n 's/^${key} //p' ${await cgroupOf(name)}/${file}`);
        return Number(stdout) > 0;
      },
      60_000,
    );
  await counted('spinner', 'cpu.stat', 'nr_throttled');
  assert.match(await host.sh('cat /srv/opsd/log/forker.log'), /[Cc]annot fork/);
  assert.equal((await service(host, 'limited')).generation, 2);
  await host.sh('systemctl stop opsd');
  assert.deepEqual(await processes(host), []);
});
