// Services that call themselves what they like and write noise wherever they may: supervised and stopped like any other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';

/** Names that look like the fields behind them in /proc/PID/stat: ended, of another parent, of another group. */
const NAMED = `#!/bin/sh
printf ') Z 1 1 1 0 (' > /proc/self/comm
setsid sh -c 'printf ") X 0 0 0\\n" > /proc/self/comm; sleep 1000 & wait' &
sh -c 'printf "(((" > /proc/self/comm; sleep 1000 & wait' &
echo up
wait
`;

const NOISY = `#!/bin/sh
head -c 200000 /dev/urandom | tr -d '\\n' >&$OPSD_NOTIFY_FD
echo >&$OPSD_NOTIFY_FD
head -c 100000 /dev/urandom >&$OPSD_NOTIFY_FD
head -c 500000 /dev/urandom
head -c 100000 /dev/urandom > "$OPSD_HEARTBEAT_FILE"
exec sleep 1000
`;

/** A line without an end, lines of NUL, and at last the one that is waited for. */
const WORDY = `#!/bin/sh
head -c 1000000 /dev/zero
printf '\\n\\033[2J\\377\\376\\n'
head -c 500000 /dev/urandom
printf '\\nready at last\\n'
exec sleep 1000
`;

test('odd names of processes, noise on every descriptor', async () => {
  await using opsd = await startOpsd({
    config: `
[defaults]
cwd = "."
stop_timeout = "2s"
[services.named]
command = ["./named.sh"]
ready = { on = "log", pattern = "^up$" }
[services.noisy]
command = ["./noisy.sh"]
ready = { on = "fd" }
heartbeat = "30s"
log = { mode = "capture", timestamps = true }
[services.wordy]
command = ["./wordy.sh"]
ready = { on = "log", pattern = "^(ready|r+e+a+d+y+) at last$" }
`,
    files: { 'named.sh': NAMED, 'noisy.sh': NOISY, 'wordy.sh': WORDY },
  });
  for (const service of ['named', 'noisy', 'wordy']) await opsd.until(service, 'running', 30_000);
  const { status } = await opsd.api('GET', '/api/v1/services/noisy/why');
  assert.equal(status, 200);
  assert.ok(opsd.alive('named').length >= 5);
  await opsd.order('restart', 'named');
  await opsd.until('named', (view) => view.state === 'running' && view.generation === 2, 30_000);
  await opsd.crash();
  await opsd.restart();
  for (const service of ['named', 'noisy', 'wordy']) {
    assert.equal((await opsd.until(service, 'running', 30_000)).adopted, true, service);
  }
  const lines = (await opsd.log()).split('\n');
  assert.deepEqual(
    lines.filter((line) => /because of a bug|CRITICAL/.test(line)),
    [],
  );
});
