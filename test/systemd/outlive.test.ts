// Services outlive their supervisor: it is killed, hands over, hangs, is upgraded; they run on and lose no line.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SOURCE } from './base.ts';
import { container } from './container.ts';
import type { Machine } from './machine.ts';
import {
  COUNTER_SERVICE,
  configure,
  countedLines,
  daemonPid,
  editUnit,
  FAMILY_SERVICE,
  moreLines,
  nextDaemon,
  processes,
  SLEEPER_SERVICE,
  status,
} from './supervised.ts';

/** One service that talks, one family with an escapee, one that the operator stopped. */
async function supervising(): Promise<Machine> {
  await using cleanup = new AsyncDisposableStack();
  const host = cleanup.use(await container());
  await configure(host, COUNTER_SERVICE, FAMILY_SERVICE, SLEEPER_SERVICE.replace('sleeper', 'unwanted'));
  await editUnit(host, 'WatchdogSec=3');
  await host.sh('systemctl start opsd && opsd ctl stop unwanted');
  await moreLines(host, 10);
  cleanup.move();
  return host;
}

/** Does `what` to the daemon, and holds that its end cost the services nothing. */
async function survives(host: Machine, what: (daemon: number) => Promise<void>, limitMs?: number): Promise<void> {
  const before = await status(host);
  await what(before.daemon.pid);
  const after = await nextDaemon(host, before.daemon.pid, limitMs);
  for (const was of before.services) {
    const now = after.services.find(({ name }) => name === was.name);
    const isWanted = was.name !== 'unwanted';
    assert.deepEqual(
      [now?.state, now?.pid, now?.generation, now?.restarts, now?.adopted],
      [was.state, was.pid, was.generation, was.restarts, isWanted],
      `${was.name}: state, pid, generation, restarts, adopted`,
    );
    if (isWanted) assert.equal(await host.sh(`cat /srv/run/${was.name}.pid`), String(was.pid));
  }
  await moreLines(host, 50);
  assert.equal((await processes(host)).filter((line) => line.includes('/srv/data/app/counter')).length, 1);
}

/** How long nobody was supervising, in ms: from the last words of one daemon to READY of the next. */
async function gap(host: Machine): Promise<number> {
  const stamp = async (property: string) => Number(await host.sh(`systemctl show opsd -p ${property} --value`));
  return Math.round(
    ((await stamp('ActiveEnterTimestampMonotonic')) - (await stamp('ActiveExitTimestampMonotonic'))) / 1_000,
  );
}

test('kill -9: the next daemon adopts what runs', async (t) => {
  await using host = await supervising();
  await survives(host, async (daemon) => void (await host.sh(`kill -9 ${daemon}`)));
  t.diagnostic(`without a supervisor for ${await gap(host)} ms`);
  await host.sh('systemctl stop opsd');
  assert.deepEqual(await processes(host), []);
  assert.ok((await countedLines(host)) > 50);
});

test('kill -9 again and again, faster than it can start', async () => {
  await using host = await supervising();
  await survives(
    host,
    async () => {
      await host.sh('for n in 1 2 3 4 5 6; do sleep 0.$n; systemctl kill --kill-whom=main -s KILL opsd; done');
    },
    20_000,
  );
});

test('handover: exit 0, the next one takes over', async (t) => {
  await using host = await supervising();
  await survives(host, async () => void (await host.sh('opsd ctl handover')));
  t.diagnostic(`without a supervisor for ${await gap(host)} ms`);
  await host.sh('systemctl stop opsd');
  assert.deepEqual(await processes(host), []);
});

test('a daemon that hangs is replaced by the watchdog', async (t) => {
  await using host = await supervising();
  const began = performance.now();
  await survives(host, async (daemon) => void (await host.sh(`kill -STOP ${daemon}`)), 30_000);
  t.diagnostic(`replaced after ${Math.round(performance.now() - began)} ms with WatchdogSec=3`);
  assert.match(await host.sh('journalctl -u opsd -o cat --no-pager'), /Watchdog timeout/);
});

test('a daemon that is well is left alone by the watchdog', async () => {
  await using host = await supervising();
  const daemon = await daemonPid(host);
  // 200 lines take four seconds and more: longer than the watchdog waits.
  await moreLines(host, 200);
  assert.equal(await daemonPid(host), daemon);
});

test('an upgrade: install the next version, hand over, nothing was interrupted', async () => {
  await using host = await supervising();
  await host.sh(
    [
      'mkdir /root/next && cd /root/next',
      `cp -r ${SOURCE}/{dist,cfg,systemd,package.json,package-lock.json} .`,
      `ln -s ${SOURCE}/node_modules node_modules`,
      `sed -i 's/"version": "[^"]*"/"version": "9.9.9"/' package.json`,
      'systemd/install.sh',
    ].join(' && '),
  );
  await survives(host, async () => void (await host.sh('opsd ctl handover')));
  assert.match(await host.sh(`readlink /proc/${await daemonPid(host)}/exe`), /\/lib\/9\.9\.9-/);
  assert.equal((await status(host)).daemon.version, '9.9.9');
});
