// Hooks and signals of readiness when opsd is killed in the middle of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';

test('a before_start that a killed opsd left is ended before the next one begins', async () => {
  const config = `
[services.web]
command = ["sh", "-c", "echo web; exec sleep 60"]
before_start = { command = ["sh", "-c", "echo begun; until [ -e go ]; do sleep 0.05; done; echo gone on"], timeout = "60s" }
`;
  await using it = await startOpsd({ config });
  await waitFor('the hook', async () => (await it.output('web')) === 'begun\n');
  await it.crash();
  await it.restart();
  await it.logged(/a hook or probe that an earlier opsd began is ended/);
  await waitFor('its second run', async () => (await it.output('web')).startsWith('begun\nbegun\n'));
  await it.write('go', '');
  await it.until('web', 'running');
  await waitFor('the service', async () => (await it.output('web')) === 'begun\nbegun\ngone on\nweb\n');
});

test('what a service says of its readiness while no opsd is there is heard by the next one', async () => {
  const script =
    'echo begun; until [ -e go ]; do sleep 0.05; done; echo >&$OPSD_NOTIFY_FD; echo listening; : > said; exec sleep 60';
  const config = `
[services.told]
command = ["sh", "-c", "${script}"]
ready = { on = "fd", timeout = "60s" }
[services.line]
command = ["sh", "-c", "${script.replace('echo >&$OPSD_NOTIFY_FD; ', '').replace('said', 'said2')}"]
ready = { on = "log", pattern = "^listening$", timeout = "60s" }
`;
  await using it = await startOpsd({ config });
  for (const name of ['told', 'line'])
    await waitFor(`${name} to begin`, async () => (await it.output(name)) === 'begun\n');
  const before = await Promise.all([it.status('told'), it.status('line')]);
  assert.deepEqual(
    before.map(({ state }) => state),
    ['starting', 'starting'],
  );
  await it.crash();
  await it.write('go', '');
  await it.restart();
  for (const name of ['told', 'line']) {
    const view = await it.until(name, 'running');
    assert.deepEqual([view.generation, view.adopted], [1, true]);
  }
});

test('an after_stop is no process that was left behind: the change of state tells how the service ended', async () => {
  const config = `
[services.web]
command = ["sh", "-c", "exit 3"]
restart = "never"
after_stop = ["sh", "-c", "echo cleaned"]
`;
  await using it = await startOpsd({ config });
  await it.until('web', 'exited');
  assert.equal(await it.output('web'), 'cleaned\n');
  assert.deepEqual((await it.changes('web')).slice(-2), ['running>stopping exit_code', 'stopping>exited exit_code']);
  await it.logged(/\[WARN\] state service=web from=stopping to=exited .*detail="exit code 3" exit_code=3/);
});

test('a job that was stopped by hand has no next time', async () => {
  const config = '[services.job]\ncommand = ["true"]\nschedule = "0 3 * * *"\n';
  await using it = await startOpsd({ config });
  await waitFor('its next time', async () => (await it.status('job')).next_attempt_at !== null);
  await it.order('stop', 'job');
  assert.equal((await it.status('job')).next_attempt_at, null);
  await it.order('start', 'job');
  await waitFor('its next time', async () => (await it.status('job')).next_attempt_at !== null);
});
