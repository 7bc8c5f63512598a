// Stopped means gone: gracefully where the service lets it, by SIGKILL where not, and nothing is left of its tree.

import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { isAlive, procFile } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

/** Traps SIGTERM, says so, and goes. */
const OBEDIENT = 'trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.05; done';
const DEAF = 'trap "" TERM; echo ready; while :; do sleep 0.05; done';

test('a service is asked to stop, and its end is no failure', async () => {
  await using opsd = await startOpsd({ config: `[services.web]\ncommand = ["sh", "-c", '${OBEDIENT}']\n` });
  await waitFor('its trap', async () => (await opsd.output('web')).includes('ready'));
  const { status } = await opsd.order('stop', 'web');
  assert.equal(status, 200);
  const view = await opsd.status('web');
  assert.equal(view.state, 'stopped');
  assert.equal(view.pid, null);
  assert.equal(view.failures_in_a_row, 0);
  assert.deepEqual(view.exit, { code: 0, signal: null });
  assert.equal(await opsd.output('web'), 'ready\nbye\n');
});

test('who does not listen is killed at stop_timeout, not before', async () => {
  const config = `[services.web]\ncommand = ["sh", "-c", '${DEAF}']\nstop_timeout = "300ms"\n`;
  await using opsd = await startOpsd({ config });
  await waitFor('its trap', async () => (await opsd.output('web')).includes('ready'));
  const before = performance.now();
  await opsd.order('stop', 'web');
  assert.ok(performance.now() - before >= 300, 'SIGKILL came too early');
  const { state, exit, failures_in_a_row } = await opsd.status('web');
  assert.deepEqual([state, exit?.signal, failures_in_a_row], ['stopped', 'SIGKILL', 0]);
  assert.deepEqual((await opsd.changes('web')).slice(-3), [
    'running>stopping operator',
    'stopping>killing stop_timeout',
    'killing>stopped operator',
  ]);
  assert.deepEqual(opsd.alive(), []);
});

test('stop_signal is the signal that asks', async () => {
  const script = 'trap "echo int; exit 0" INT; trap "echo term" TERM; echo ready; while :; do sleep 0.05; done';
  const config = `[services.web]\ncommand = ["sh", "-c", '${script}']\nstop_signal = "SIGINT"\n`;
  await using opsd = await startOpsd({ config });
  await waitFor('its traps', async () => (await opsd.output('web')).includes('ready'));
  await opsd.order('stop', 'web');
  assert.equal(await opsd.output('web'), 'ready\nint\n');
});

test('a stopped process (SIGSTOP) is woken to hear that it shall end', async () => {
  const config = `[services.web]\ncommand = ["sh", "-c", '${OBEDIENT}']\nstop_timeout = "20s"\n`;
  await using opsd = await startOpsd({ config });
  await waitFor('its trap', async () => (await opsd.output('web')).includes('ready'));
  const { pid } = await opsd.status('web');
  assert.ok(pid);
  process.kill(pid, 'SIGSTOP');
  await waitFor('the process to be stopped', () => /\) T /.test(procFile(pid, 'stat')));
  await opsd.order('stop', 'web');
  assert.equal(await opsd.output('web'), 'ready\nbye\n');
});

/** Each leaves processes that do not go by themselves. */
const STUBBORN_TREES = {
  'whose leader goes while a member ignores SIGTERM':
    'trap "exit 0" TERM; (trap "" TERM; echo ready; while :; do sleep 0.05; done) & wait',
  'with a process in a session of its own':
    'setsid sh -c "trap \\"\\" TERM; echo ready; while :; do sleep 0.05; done" & wait',
  'whose shell does not pass signals on': 'sh -c "echo ready; sleep 1000"; true',
  'that forks all the time': 'echo ready; while :; do sleep 1000 & sleep 0.01; done',
  'whose grandchild is an orphan already':
    '(setsid sh -c "trap \\"\\" TERM; echo ready; sleep 1000" &); exec sleep 1000',
};
test('nothing is left of a tree', async (t) => {
  const trees = Object.entries(STUBBORN_TREES).map(([what, script], i) => ({ what, script, name: `tree${i}` }));
  await using opsd = await startOpsd({
    config: `[defaults]\nstop_timeout = "300ms"\n${trees.map(({ name }) => `[services.${name}]\ncommand = ["./${name}"]\n`).join('')}`,
    files: Object.fromEntries(trees.map(({ name, script }) => [name, `#!/bin/sh\n${script}\n`])),
  });
  for (const { what, name } of trees) {
    await t.test(what, async () => {
      await waitFor('the tree', async () => (await opsd.output(name)).includes('ready'));
      assert.ok(opsd.alive(name).length > 0);
      await opsd.order('stop', name);
      assert.equal((await opsd.status(name)).state, 'stopped');
      assert.deepEqual(opsd.alive(name), []);
      assert.equal(existsSync(join(opsd.run, `${name}.pid`)), false);
    });
  }
});

test('a service is not stopped as long as a member of its tree cleans up', async () => {
  const member = 'trap "sleep 0.3; echo cleaned; exit 0" TERM; echo ready; while :; do sleep 0.05; done';
  await using opsd = await startOpsd({
    config: '[services.tree]\ncommand = ["./tree"]\n',
    files: { tree: `#!/bin/sh\ntrap "exit 0" TERM\n(${member}) &\nwait\n` },
  });
  await waitFor('the tree', async () => (await opsd.output('tree')).includes('ready'));
  await opsd.order('stop', 'tree');
  // Its sleep is a member too; what the shell says of that end does not matter.
  assert.match(await opsd.output('tree'), /cleaned\n$/);
});

test('fifty restarts without a gap are fifty restarts and no failure', async () => {
  // Most are asked to stop before they could set their trap.
  await using opsd = await startOpsd({ config: `[services.web]\ncommand = ["sh", "-c", '${OBEDIENT}']\n` });
  await opsd.until('web', 'running');
  for (let i = 0; i < 50; i++) assert.equal((await opsd.order('restart', 'web')).status, 200);
  const view = await opsd.status('web');
  assert.deepEqual([view.state, view.generation, view.failures_in_a_row], ['running', 51, 0]);
  assert.equal(view.restarts, 0, 'only restarts that nobody asked for are counted');
});

test('a stop during backoff is final', async () => {
  const config = `[defaults]\nbackoff = { initial = "50ms", max = "50ms" }\nmax_failures = 1000
[services.stopped]\ncommand = ["sh", "-c", "echo >>stopped; exit 1"]
[services.witness]\ncommand = ["sh", "-c", "exit 1"]\n`;
  await using opsd = await startOpsd({ config });
  await opsd.until('stopped', 'backoff');
  await opsd.order('stop', 'stopped');
  const runs = (await opsd.read('stopped')).length;
  const { restarts } = await opsd.status('witness');
  await opsd.until('witness', (view) => view.restarts >= restarts + 4);
  const view = await opsd.status('stopped');
  assert.deepEqual([view.state, view.next_attempt_at], ['stopped', null]);
  assert.equal((await opsd.read('stopped')).length, runs);
});

test('dependents stop before what they depend on', async () => {
  const script = 'trap "sleep 0.1; echo $0 >>order; exit 0" TERM; echo ready; while :; do sleep 0.02; done';
  const config = `[services.db]\ncommand = ["sh", "-c", '${script}', "db"]
[services.web]\ncommand = ["sh", "-c", '${script}', "web"]\ndepends_on = ["db"]\n`;
  await using opsd = await startOpsd({ config });
  for (const name of ['db', 'web']) {
    await waitFor(`the trap of ${name}`, async () => (await opsd.output(name)).includes('ready'));
  }
  const { pid } = await opsd.status('db');
  opsd.kill('SIGTERM');
  await opsd.daemon.end;
  assert.equal(await opsd.read('order'), 'web\ndb\n');
  assert.equal(isAlive(pid ?? 0), false);
});
