// What becomes of services that end: restarts, their delays, and when opsd gives up.

import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { ask } from '../support/requests.ts';
import { isAlive } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const QUICK = 'backoff = { initial = "1ms", max = "2ms" }';

test('a PID file holds the PID as long as the service runs', async () => {
  await using opsd = await startOpsd({ config: '[services.web]\ncommand = ["sleep", "1000"]\n' });
  const { pid } = await opsd.until('web', 'running');
  assert.equal(await opsd.read('p/run/web.pid'), `${pid}\n`);
  assert.equal(await opsd.read('p/run/opsd.pid'), `${opsd.daemon.pid}\n`);
  await opsd.order('stop', 'web');
  assert.equal(existsSync(join(opsd.run, 'web.pid')), false);
  assert.equal(isAlive(pid ?? 0), false);
});

test('a reader of the PID file never finds half of it', async () => {
  await using opsd = await startOpsd({ config: '[services.web]\ncommand = ["sleep", "1000"]\n' });
  await opsd.until('web', 'running');
  let isOver = false;
  const restarts = (async () => {
    for (let i = 0; i < 30; i++) await opsd.order('restart', 'web');
    isOver = true;
  })();
  const read = new Set<string>();
  await waitFor('the end of the restarts', () => {
    for (let i = 0; i < 50; i++) {
      const path = join(opsd.run, 'web.pid');
      if (existsSync(path)) read.add(textIfThere(path));
    }
    return isOver;
  });
  await restarts;
  for (const text of read) assert.match(text, /^([1-9]\d+\n|gone)$/);
  assert.ok(read.size > 10, `saw only ${read.size} PIDs`);
});

test('what somebody wrote into a PID file moves no signal to a stranger', async () => {
  await using opsd = await startOpsd({
    config: '[services.web]\ncommand = ["sleep", "1000"]\n[services.bystander]\ncommand = ["sleep", "1000"]\n',
  });
  const web = await opsd.until('web', 'running');
  const bystander = await opsd.until('bystander', 'running');
  await opsd.write('p/run/web.pid', `${bystander.pid}\n`);
  await opsd.order('stop', 'web');
  assert.equal(isAlive(web.pid ?? 0), false);
  assert.equal((await opsd.status('bystander')).pid, bystander.pid);
  assert.equal(isAlive(bystander.pid ?? 0), true);
});

test('delays double from 100 ms to 1600 ms, give or take a tenth', async () => {
  const script = 'date +%s%N >>starts; exit 3';
  await using opsd = await startOpsd({ config: `[services.web]\ncommand = ["sh", "-c", "${script}"]\n` });
  const { failures_in_a_row, exit } = await opsd.until('web', (view) => view.state === 'backoff' && view.restarts >= 6);
  assert.equal(failures_in_a_row, 7);
  assert.deepEqual(exit, { code: 3, signal: null });
  const starts = (await opsd.read('starts'))
    .trim()
    .split('\n')
    .map((nanos) => Number(BigInt(nanos) / 1_000_000n));
  for (const [k, delay] of [100, 200, 400, 800, 1600, 1600].entries()) {
    const gap = (starts[k + 1] ?? 0) - (starts[k] ?? 0);
    assert.ok(gap >= delay * 0.9 && gap <= delay * 1.1 + 500, `delay ${k + 1} took ${gap} ms instead of ${delay}`);
  }
  const reasons = new Set(await opsd.changes('web'));
  assert.deepEqual(
    [...reasons].filter((change) => change.includes('>backoff')),
    ['running>backoff exit_code'],
  );
});

test('after more than ten failures in a row opsd alerts and gives up', async () => {
  // The first pause is twice the longest delay.
  const backoff = 'backoff = { initial = "1ms", max = "15d", jitter = 0 }';
  const config = `[services.web]\ncommand = ["sh", "-c", "echo >>runs; exit 1"]\nretry_failed = "30d"\n${backoff}\n`;
  await using opsd = await startOpsd({ config, http: 'on' });
  const view = await opsd.until('web', 'failed');
  assert.equal(view.failures_in_a_row, 11);
  assert.equal((await opsd.read('runs')).length, 11);
  await opsd.logged(/\[ERROR\] CRITICAL alert service=web reason=too_many_failures/);
  const { body } = await ask({ host: '127.0.0.1', port: opsd.port }, 'GET', '/metrics');
  assert.match(body, /^opsd_alerts_total\{service="web",reason="too_many_failures"\} 1$/m);
  assert.match(body, /^opsd_service_state\{service="web",state="failed"\} 1$/m);
  assert.match(body, /^opsd_service_failures_in_a_row\{service="web"\} 11$/m);
  // 30 days are more than a timer of Node can wait.
  const days = (Date.parse(view.next_attempt_at ?? '') - Date.parse(view.since)) / 86_400_000;
  assert.ok(days > 29.9 && days < 30.1, `next attempt in ${days} days`);
});

test('a failed service is tried again after retry_failed, and may heal', async () => {
  const script = 'echo >>runs; test -e healed && exec sleep 1000; exit 1';
  await using opsd = await startOpsd({
    config: `[services.web]\ncommand = ["sh", "-c", "${script}"]\nmax_failures = 2\nretry_failed = "200ms"\n${QUICK}\n`,
  });
  await opsd.until('web', 'failed');
  await opsd.write('healed', '');
  const { state } = await opsd.until('web', 'running');
  assert.equal(state, 'running');
  assert.ok((await opsd.changes('web')).includes('failed>starting retry'));
});

test('a fatal exit code is never retried, but started when asked', async () => {
  const config = '[services.web]\ncommand = ["sh", "-c", "echo >>runs; exit 78"]\nretry_failed = "1ms"\n';
  await using opsd = await startOpsd({ config });
  const view = await opsd.until('web', 'failed');
  assert.equal(view.next_attempt_at, null);
  assert.match(view.reason, /78/);
  assert.equal((await opsd.read('runs')).length, 1);
  await opsd.order('start', 'web');
  await opsd.until('web', ({ state, generation }) => state === 'failed' && generation === 2);
  assert.equal((await opsd.read('runs')).length, 2);
});

test('the restart policy decides who comes back', async () => {
  const cases = [
    { name: 'always-0', restart: 'always', script: 'exit 0', comesBack: true },
    { name: 'always-1', restart: 'always', script: 'exit 1', comesBack: true },
    { name: 'on-failure-0', restart: 'on-failure', script: 'exit 0', comesBack: false },
    { name: 'on-failure-1', restart: 'on-failure', script: 'exit 1', comesBack: true },
    { name: 'on-failure-fine-3', restart: 'on-failure', script: 'exit 3', comesBack: false },
    { name: 'on-failure-killed', restart: 'on-failure', script: 'kill -9 $$', comesBack: true },
    { name: 'never-0', restart: 'never', script: 'exit 0', comesBack: false },
    { name: 'never-1', restart: 'never', script: 'exit 1', comesBack: false },
  ];
  const config = cases.map(
    ({ name, restart, script }) =>
      `[services.${name}]\ncommand = ["sh", "-c", "echo >>${name}; ${script}"]\nrestart = "${restart}"\n`,
  );
  await using opsd = await startOpsd({ config: `[defaults]\nsuccess_exit_codes = [0, 3]\n${config.join('')}` });
  for (const { name, comesBack } of cases) {
    const view = await opsd.until(name, (seen) => (comesBack ? seen.restarts >= 2 : seen.state === 'exited'));
    if (!comesBack) assert.equal((await opsd.read(name)).length, 1, name);
    // What is to stay up and ends at once has failed, however well it ended.
    assert.equal(view.failures_in_a_row > 0, /1|killed|always/.test(name), `failures of ${name}`);
  }
  assert.equal((await opsd.status('on-failure-killed')).exit?.signal, 'SIGKILL');
});

test('who was up for stable_after starts counting anew', async () => {
  const config = `[defaults]\nmax_failures = 2\n${QUICK}
[services.stable]\ncommand = ["sh", "-c", "sleep 0.2; exit 1"]\nstable_after = "100ms"
[services.hasty]\ncommand = ["sh", "-c", "sleep 0.2; exit 1"]\nstable_after = "10s"\n`;
  await using opsd = await startOpsd({ config });
  await opsd.until('hasty', 'failed');
  const view = await opsd.until('stable', ({ restarts, state }) => restarts >= 5 || state === 'failed');
  assert.ok(view.failures_in_a_row <= 1, `${view.failures_in_a_row} failures in a row`);
});

test('every start is counted, however short the life', async () => {
  const config = `[services.web]\ncommand = ["sh", "-c", "echo >>runs"]\nstable_after = "0s"\nbackoff = { initial = "0ms", max = "0ms" }\n`;
  await using opsd = await startOpsd({ config });
  await opsd.until('web', ({ generation }) => generation >= 100);
  await opsd.order('stop', 'web');
  const { generation, restarts } = await opsd.status('web');
  const runs = (await opsd.read('runs')).length;
  // The last one may have been stopped before its first word.
  assert.ok(runs === generation || runs === generation - 1, `${generation} generations, ${runs} runs`);
  assert.equal(restarts, generation - 1);
});

test('what a main process leaves behind is ended before the next one starts', async () => {
  const config = `[services.forker]\ncommand = ["sh", "-c", "(setsid sleep 1000 &); echo >>runs; exit 0"]
stop_timeout = "300ms"\n${QUICK}\n`;
  await using opsd = await startOpsd({ config });
  let most = 0;
  await waitFor('five generations', async () => {
    // A look takes time: those that are still there after it were there together.
    most = Math.max(most, opsd.alive().filter(isAlive).length);
    return (await opsd.status('forker')).generation >= 5;
  });
  // sh, the shell in between and the sleep of one generation.
  assert.ok(most <= 3, `${most} processes at once`);
});

test('a program that is gone during backoff fails at once, and runs again when it is back and started', async () => {
  await using opsd = await startOpsd({
    config: '[services.web]\ncommand = ["./web"]\nbackoff = { initial = "300ms" }\n',
    files: { web: '#!/bin/sh\nrm web; exit 1\n' },
  });
  const failed = await opsd.until('web', 'failed');
  assert.match(failed.reason, /web.*does not exist/);
  await opsd.write('web', '#!/bin/sh\nexec sleep 1000\n');
  assert.equal((await opsd.order('start', 'web')).status, 200);
  assert.equal((await opsd.status('web')).state, 'running');
});

function textIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return 'gone';
  }
}
