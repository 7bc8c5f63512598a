// Crash loops that end well, with real programs: they are counted, somebody is told, and `why` says what is likely.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';

const QUICK = 'backoff = { initial = "10ms", max = "10ms" }\nmax_failures = 2\n';

const CONFIG = `
[services.cat]
command = ["cat"]
${QUICK}
[services.done]
command = ["true"]
${QUICK}
[services.daemon]
command = ["sh", "-c", "sleep 1000 & exit 0"]
${QUICK}
[services.short]
command = ["true"]
stable_after = "0s"
${QUICK}
[services.job]
command = ["true"]
type = "oneshot"
`;

test('what ends well at once is failed after max_failures, with an alert, and why says what is likely', async () => {
  await using opsd = await startOpsd({ config: CONFIG });
  const likely = {
    cat: /likely it reads its input to the end, and the input of a service is empty: .*a file or a FIFO/,
    done: /likely it is a job.*type = "oneshot"/,
    daemon: /remained in the background; likely it goes into the background.*leave out &/,
  };
  for (const [name, cause] of Object.entries(likely)) {
    const { failures_in_a_row: failures } = await opsd.until(name, 'failed');
    assert.ok(failures >= 3, `${name}: ${failures} failures`);
    const { stdout } = await opsd.ctl('why', name);
    assert.match(stdout, cause);
    await opsd.logged(
      new RegExp(`CRITICAL alert service=${name} reason=too_many_failures detail="3 failures in a row`),
    );
  }
  await opsd.until('job', 'exited');
  // Nothing counts as too early where stable_after is 0.
  assert.equal((await opsd.until('short', ({ restarts }) => restarts > 3)).failures_in_a_row, 0);
});
