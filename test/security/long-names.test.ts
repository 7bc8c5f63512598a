// The names that a service's user writes into an env_file fill neither the state file nor what opsd says.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';

test('a name of a megabyte in the env_file of 70 instances leaves the state file small, and an order is kept', async () => {
  const sleeper = `[services.other]\ncommand = ["sleep", "1000"]\n`;
  const config = `${sleeper}[services.long]\ncommand = ["sleep", "1000"]\ninstances = 70\nenv_file = "long.env"\n`;
  await using opsd = await startOpsd({ config: sleeper });
  writeFileSync(join(opsd.dir, 'long.env'), `${'N'.repeat(1_000_000)}="without an end`);
  await opsd.configure(config);
  const answer = await opsd.reload();
  assert.ok(answer.body.length < 200_000, `${answer.body.length} characters answered`);
  await opsd.until('long@70', 'failed');
  await opsd.order('stop', 'other');
  await opsd.until('other', 'stopped');
  await opsd.crash();
  const state = await opsd.read('p/run/opsd.state.json');
  assert.ok(state.length < 200_000, `${state.length} characters kept`);
  assert.ok(/N{63}…/.test(state), 'its beginning is told');
  assert.ok((await opsd.log()).length < 500_000);
  await opsd.restart();
  assert.equal((await opsd.status('other')).state, 'stopped');
  await opsd.stop();
});
