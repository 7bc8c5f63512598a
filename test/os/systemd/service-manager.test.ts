// What systemd is told, through a stand-in for systemd-notify that writes down how it was called.

import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createServiceManager } from '../../../src/os/systemd/service-manager.ts';
import { Scheduler } from '../../simulation/scheduler.ts';
import { scratch } from '../../support/scratch.ts';
import { waitFor } from '../../support/wait.ts';

/** A PATH whose systemd-notify appends its arguments as one line, and ends as `end` says once the gate file is there. */
async function notifier(folder: string, end = 'exit 0') {
  const calls = join(folder, 'calls');
  const gate = join(folder, 'gate');
  const program = join(folder, 'systemd-notify');
  await writeFile(calls, '');
  await writeFile(
    program,
    [
      '#!/bin/sh',
      `echo "$NOTIFY_SOCKET|$*" >>'${calls}'`,
      `while [ -e '${calls}' ] && ! [ -e '${gate}' ]; do /bin/sleep 0.01; done`,
      end,
    ].join('\n'),
  );
  await chmod(program, 0o755);
  return {
    open: () => writeFile(gate, ''),
    async calls(count: number): Promise<string[]> {
      return await waitFor(`${count} calls of systemd-notify`, async () => {
        const all = (await readFile(calls, 'utf8')).split('\n').slice(0, -1);
        return all.length >= count && all;
      });
    },
    env: (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({ NOTIFY_SOCKET: '/run/n', PATH: folder, ...more }),
  };
}

/** systemd-notify runs in real time; opsd waits in this. */
const scheduler = new Scheduler();
const { clock } = scheduler;

const noTrouble = (message: string) => assert.fail(message);

test('one call at a time; what gathers meanwhile goes out together, the last phase and status of it', async () => {
  await using folder = await scratch();
  const systemd = await notifier(folder.path);
  using manager = createServiceManager(systemd.env({ WATCHDOG_USEC: '3000000' }), clock, noTrouble);
  manager.ready();
  manager.status('1 of 3 running');
  manager.status('2 of 3\nrunning');
  manager.reloading();
  manager.stopping();
  manager.watchdog.ping();
  manager.watchdog.ping();
  assert.deepEqual(await systemd.calls(1), ['/run/n|READY=1']);
  await systemd.open();
  assert.deepEqual(await systemd.calls(2), ['/run/n|READY=1', '/run/n|STOPPING=1 STATUS=2 of 3 running WATCHDOG=1']);
});

test('a reload carries the monotonic time by which systemd tells it from an earlier one', async () => {
  await using folder = await scratch();
  const systemd = await notifier(folder.path);
  await systemd.open();
  using manager = createServiceManager(systemd.env(), clock, noTrouble);
  await scheduler.pass(1_234.5678);
  const now = Math.floor(scheduler.now * 1_000);
  manager.reloading();
  assert.deepEqual(await systemd.calls(1), [`/run/n|RELOADING=1 MONOTONIC_USEC=${now}`]);
});

test('a status that changes all the time costs one call a second, and the last one arrives', async () => {
  await using folder = await scratch();
  const systemd = await notifier(folder.path);
  await systemd.open();
  using manager = createServiceManager(systemd.env(), clock, noTrouble);
  manager.status('first');
  for (let i = 0; i < 1_000; i++) manager.status(`number ${i}`);
  await waitFor('the end of the first call', () => scheduler.next !== null);
  await scheduler.pass(999);
  assert.deepEqual(await systemd.calls(1), ['/run/n|STATUS=first']);
  await scheduler.pass(1);
  assert.deepEqual(await systemd.calls(2), ['/run/n|STATUS=first', '/run/n|STATUS=number 999']);
});

test('more pings than systemd wants, and a status that it knows, cost nothing', async () => {
  await using folder = await scratch();
  const systemd = await notifier(folder.path);
  await systemd.open();
  using manager = createServiceManager(systemd.env({ WATCHDOG_USEC: '900000' }), clock, noTrouble);
  manager.status('up');
  const first = await systemd.calls(1);
  assert.deepEqual(first, ['/run/n|STATUS=up']);
  for (const expected of [2, 2, 2, 3]) {
    for (let times = 0; times < 10; times += 1) {
      manager.watchdog.ping();
      manager.status('up');
    }
    const all = await systemd.calls(expected);
    assert.equal(all.length, expected);
    assert.ok(all.slice(1).every((call) => call === '/run/n|WATCHDOG=1'));
    await scheduler.pass(100);
  }
});

test('what could not be told is told again, the trouble is reported once', async () => {
  await using folder = await scratch();
  const systemd = await notifier(folder.path, 'echo "no such socket" >&2; exit 1');
  await systemd.open();
  const troubles: string[] = [];
  using manager = createServiceManager(systemd.env(), clock, (message) => troubles.push(message));
  manager.ready();
  await waitFor('the trouble', () => troubles.length === 1);
  await scheduler.pass(1_000);
  assert.deepEqual(await systemd.calls(2), ['/run/n|READY=1', '/run/n|READY=1']);
  await waitFor('the end of the second call', () => scheduler.next !== null);
  assert.equal(troubles.length, 1);
  assert.match(troubles[0] ?? '', /NotifyAccess=.*no such socket/);
});

test('a missing systemd-notify is named, with the remedy', async () => {
  await using folder = await scratch();
  const troubles: string[] = [];
  using manager = createServiceManager({ NOTIFY_SOCKET: '/run/n', PATH: folder.path }, clock, (message) =>
    troubles.push(message),
  );
  manager.ready();
  assert.match(await waitFor('the report', () => troubles[0]), /systemd-notify is not in PATH.*install/);
});

test('without NOTIFY_SOCKET nothing is called and nobody waits for pings', async () => {
  await using folder = await scratch();
  const systemd = await notifier(folder.path);
  await systemd.open();
  const { NOTIFY_SOCKET: _, ...env } = systemd.env({ WATCHDOG_USEC: '3000000' });
  using manager = createServiceManager(env, clock, noTrouble);
  assert.equal(manager.watchdog.periodMs, null);
  manager.ready();
  manager.status('up');
  manager.watchdog.ping();
  // Another one's call, made after those, comes first: there were none.
  using other = createServiceManager(systemd.env(), clock, noTrouble);
  other.stopping();
  assert.deepEqual(await systemd.calls(1), ['/run/n|STOPPING=1']);
});

test('pings are due three times within what systemd grants, if it waits for this process', () => {
  const period = (env: NodeJS.ProcessEnv) => {
    using manager = createServiceManager({ NOTIFY_SOCKET: '/run/n', ...env }, clock, noTrouble);
    return manager.watchdog.periodMs;
  };
  assert.equal(period({ WATCHDOG_USEC: '30000000' }), 10_000);
  assert.equal(period({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) }), 10_000);
  assert.equal(period({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }), null);
  assert.equal(period({ WATCHDOG_USEC: 'soon' }), null);
  assert.equal(period({ WATCHDOG_USEC: '0' }), null);
});

test('services cannot inherit what belongs to the service manager', () => {
  const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '1', WATCHDOG_PID: '1', PATH: '/bin' };
  using _ = createServiceManager(env, clock, noTrouble);
  assert.deepEqual(env, { PATH: '/bin' });
});
