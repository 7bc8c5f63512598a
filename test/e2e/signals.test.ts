// Real-time signals, and signals by their second names, wherever one is named: stop_signal, exit codes, ctl, why, status.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';

test('a service is stopped by, and gets, the signals that are named', async () => {
  const script = 'trap "echo rt; exit 0" RTMIN+3; trap "echo poll" IO; echo ready; while :; do sleep 0.05; done';
  const config = `[services.web]\ncommand = ["bash", "-c", '${script}']\nstop_signal = "SIGRTMIN+3"\n`;
  await using opsd = await startOpsd({ config });
  await waitFor('its traps', async () => (await opsd.output('web')).includes('ready'));
  const { code, stderr } = await opsd.ctl('signal', 'SIGPOLL', 'web');
  assert.equal(code, 0, stderr);
  await waitFor('the signal', async () => (await opsd.output('web')).includes('poll'));
  await opsd.order('stop', 'web');
  assert.equal(await opsd.output('web'), 'ready\npoll\nrt\n');
});

test('who is killed by one is told so, and success_exit_codes may name it', async () => {
  const config = `
[services.bad]
command = ["bash", "-c", "kill -RTMIN+5 $$; sleep 9"]
restart = "never"
[services.good]
command = ["bash", "-c", "kill -RTMIN+6 $$; sleep 9"]
restart = "on-failure"
success_exit_codes = [0, "RTMIN+6"]
[services.abort]
command = ["bash", "-c", "ulimit -c 0; kill -ABRT $$; sleep 9"]
restart = "on-failure"
success_exit_codes = ["SIGIOT"]
`;
  await using opsd = await startOpsd({ config });
  const bad = await opsd.until('bad', ({ exit }) => exit !== null);
  assert.equal(bad.exit?.signal, 'SIGRTMIN+5');
  assert.equal(bad.failures_in_a_row, 1);
  const why = await opsd.ctl('why', 'bad');
  assert.match(why.stdout, /killed by SIGRTMIN\+5 .*no handler/);
  for (const name of ['good', 'abort']) {
    const view = await opsd.until(name, 'exited');
    assert.equal(view.failures_in_a_row, 0);
  }
});

test('a number, or a signal behind the service, is answered with the way to write it', async () => {
  await using opsd = await startOpsd({ config: '[services.web]\ncommand = ["sleep", "99"]\n' });
  const number = await opsd.ctl('signal', '15', 'web');
  assert.equal(number.code, 1);
  assert.match(number.stderr, /15 is SIGTERM/);
  for (const signal of ['HUP', 'SIGRTMIN+3']) {
    const order = await opsd.ctl('signal', 'web', signal);
    assert.equal(order.code, 1);
    assert.match(order.stderr, new RegExp(`opsd ctl signal ${signal.replace('+', '\\+')} web`));
  }
});
