// systemctl restart is a handover, stop is a stop, whatever becomes of the files, the daemon and the jobs meanwhile.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { container } from './container.ts';
import type { Machine } from './machine.ts';
import {
  COUNTER_SERVICE,
  configure,
  countedLines,
  daemonPid,
  FAMILY_SERVICE,
  nextDaemon,
  processes,
  SLEEPER_SERVICE,
  service,
  unit,
} from './supervised.ts';

const sleepers = async (host: Machine) => (await processes(host)).filter((line) => line.includes('sleep 1000'));

/** Restarts the unit in each way: the next opsd goes on with the services of the one before. */
async function handsOver(host: Machine, ways: Readonly<Record<string, string>>): Promise<void> {
  const before = await service(host, 'sleeper');
  let daemon = await daemonPid(host);
  for (const [what, way] of Object.entries(ways)) {
    await host.sh(way);
    const next = await nextDaemon(host, daemon, 30_000);
    const after = await service(host, 'sleeper');
    assert.deepEqual([after.pid, after.state, after.adopted], [before.pid, 'running', true], what);
    daemon = next.daemon.pid;
  }
}

test('restart, try-restart and what package scripts type hand over; reload-or-restart reloads; stop stops', async () => {
  await using host = await container();
  await configure(host, COUNTER_SERVICE, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd');
  await handsOver(host, {
    restart: 'systemctl restart opsd',
    'try-restart': 'systemctl try-restart opsd.service',
    'package scripts, needrestart': 'systemctl daemon-reload && systemctl --no-ask-password restart opsd.service',
  });
  const daemon = await daemonPid(host);
  await host.sh('systemctl reload-or-restart opsd');
  assert.equal(await daemonPid(host), daemon, 'reload-or-restart reloads');
  assert.ok((await countedLines(host)) > 0);
  await host.sh('systemctl stop opsd');
  assert.deepEqual(await processes(host), []);
  await host.sh('systemctl try-restart opsd');
  assert.equal(await unit(host, 'ActiveState'), 'inactive', 'try-restart starts nothing');
});

test('a restart by a dependency, beside daemon-reexec, or not waited for hands over', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE);
  await host.write('/etc/systemd/system/below.service', '[Service]\nExecStart=sleep 1003\n');
  const needs = '[Unit]\nRequires=below.service\nAfter=below.service\n';
  await host.write('/etc/systemd/system/opsd.service.d/needs.conf', needs);
  await host.sh('systemctl daemon-reload && systemctl start opsd');
  await handsOver(host, {
    'a dependency': 'systemctl restart below',
    'while systemd re-executes': 'systemctl daemon-reexec && systemctl restart opsd',
    'without waiting': 'systemctl restart --no-block opsd',
  });
});

test('a restart with a broken file fails, and everything runs on with the configuration last in force', async (t) => {
  await using host = await container();
  await configure(host, COUNTER_SERVICE, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd');
  const before = await service(host, 'sleeper');
  for (const [what, text] of [
    ['syntax', 'oops'],
    ['an unknown key', 'stop_timout = "5s"'],
  ] as const) {
    const daemon = await daemonPid(host);
    await configure(host, COUNTER_SERVICE, SLEEPER_SERVICE, text);
    const began = performance.now();
    assert.notEqual((await host.run('systemctl restart opsd')).code, 0, what);
    const journal = await host.sh('journalctl -u opsd -o cat --no-pager');
    assert.match(journal, /cannot load .*1 problem; 2 services run on, and opsd is started again/, what);
    assert.match(journal, /config\.toml:\d+/);
    await nextDaemon(host, daemon);
    t.diagnostic(`${what}: supervised again after ${Math.round(performance.now() - began)} ms`);
    const after = await service(host, 'sleeper');
    assert.deepEqual([after.pid, after.adopted], [before.pid, true], what);
    assert.match(await host.sh('opsd ctl status'), /the configuration files were refused/);
  }
  // A crash beside the broken file: systemd starts opsd by itself.
  const daemon = await daemonPid(host);
  await host.sh(`kill -9 ${daemon}`);
  await nextDaemon(host, daemon);
  assert.equal((await service(host, 'sleeper')).pid, before.pid);
  await configure(host, COUNTER_SERVICE, SLEEPER_SERVICE);
  await host.sh('systemctl restart opsd');
  assert.doesNotMatch(await host.sh('opsd ctl status'), /refused/);
  assert.equal((await service(host, 'sleeper')).pid, before.pid);
  await configure(host, 'oops');
  await host.sh('systemctl stop opsd');
  assert.deepEqual(await processes(host), []);
  assert.notEqual((await host.run('systemctl start opsd')).code, 0);
  assert.equal(await unit(host, 'ExecMainStatus'), '1', 'a first start is refused, and not tried again');
});

test('a unit that failed while services run is restarted to supervise them', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd');
  const before = await service(host, 'sleeper');
  const daemon = await daemonPid(host);
  // Nothing was kept, so this opsd cannot go on.
  await host.sh('rm /srv/data/opsd/config-in-force.json');
  await configure(host, 'oops');
  await host.sh(`kill -9 ${daemon}`);
  await host.until('the failure', async () => (await unit(host, 'ActiveState')) === 'failed');
  assert.equal((await sleepers(host)).length, 1);
  await configure(host, SLEEPER_SERVICE);
  await host.sh('systemctl restart opsd');
  assert.equal((await service(host, 'sleeper')).pid, before.pid);
});

test('stop stops all, also while a restart is under way', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE, FAMILY_SERVICE);
  for (const pause of ['0', '0.02', '0.05', '0.1', '0.2', '0.4', '1']) {
    await host.sh('systemctl start opsd');
    await host.run(`systemctl restart --no-block opsd; sleep ${pause}; systemctl stop opsd`);
    assert.notEqual(await unit(host, 'ActiveState'), 'active', pause);
    assert.deepEqual(await processes(host), [], `stopped ${pause} s after the restart`);
  }
});

test('a hung opsd is restarted, and its services run on', async (t) => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE);
  await host.write('/etc/systemd/system/opsd.service.d/hurry.conf', '[Service]\nTimeoutStopSec=5\n');
  await host.sh('systemctl daemon-reload && systemctl start opsd');
  const [daemon, before] = [await daemonPid(host), await service(host, 'sleeper')];
  const began = performance.now();
  await host.sh(`kill -STOP ${daemon} && systemctl restart opsd`);
  t.diagnostic(`restart took ${Math.round(performance.now() - began)} ms`);
  await nextDaemon(host, daemon);
  assert.equal((await service(host, 'sleeper')).pid, before.pid);
});

test('stop stops all, also when opsd hangs or was killed a moment ago', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE, FAMILY_SERVICE);
  await host.write('/etc/systemd/system/opsd.service.d/hurry.conf', '[Service]\nTimeoutStopSec=10\n');
  await host.sh('systemctl daemon-reload');
  for (const how of ['STOP', 'KILL']) {
    await host.sh('systemctl start opsd');
    await host.sh(`kill -${how} ${await daemonPid(host)} && systemctl stop opsd`);
    assert.deepEqual(await processes(host), [], how);
  }
});

test('systemctl kill sends what it is told: SIGTERM stops the services, SIGUSR2 hands over', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd');
  const [first, before] = [await daemonPid(host), await service(host, 'sleeper')];
  await host.sh('systemctl kill --kill-whom=main -s USR2 opsd');
  const { daemon } = await nextDaemon(host, first);
  assert.equal((await service(host, 'sleeper')).pid, before.pid);
  await host.sh('systemctl kill --kill-whom=main opsd');
  await nextDaemon(host, daemon.pid);
  assert.notEqual((await service(host, 'sleeper')).pid, before.pid);
});
