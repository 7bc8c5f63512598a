// What is secret reaches the service and nobody else.

import { strict as assert } from 'node:assert';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { procFile } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const FROM_KEY_FILE = 'hunter2-from-env-toml';
const BY_NAME = 'hunter2-by-its-name';
const FROM_ENV_FILE = 'hunter2-from-env-file';
const PASSED = 'hunter2-passed-on';

test('secrets are given to the service and shown nowhere', async () => {
  const config = (timeout: string) => `[services.web]
command = ["sh", "-c", "env >seen; exec sleep 1000"]
env = { PLAIN = "shown", DB_PASSWORD = "${BY_NAME}" }
env_file = "web.env"
pass_env = ["API_TOKEN"]
stop_timeout = "${timeout}"\n`;
  const keys = (secret: string) => `[services.web.env]\nDSN = "${secret}"\n`;
  await using opsd = await startOpsd({
    config: config('30s'),
    files: { 'p/key/env.toml': keys(FROM_KEY_FILE), 'web.env': `SECRET_SAUCE=${FROM_ENV_FILE}\n` },
    env: { API_TOKEN: PASSED, OPSD_LOG: 'trace' },
  });
  await opsd.until('web', 'running');
  const seen = await waitFor('its environment', async () => {
    const text = await opsd.read('seen');
    return text.includes('OPSD_SERVICE=web') && text;
  });
  for (const secret of [FROM_KEY_FILE, BY_NAME, FROM_ENV_FILE, PASSED]) assert.ok(seen.includes(secret), secret);

  const told: Record<string, string> = {};
  for (const args of [['config', '--explain'], ['config', '--json'], ['config'], ['check']]) {
    const { stdout, stderr } = await opsd.opsd(...args);
    told[args.join(' ')] = stdout + stderr;
  }
  assert.match(told['config --explain'] ?? '', /DSN.*\[redacted\]/);
  assert.match(told['config --explain'] ?? '', /PLAIN.*shown/);
  await opsd.write('p/key/env.toml', keys(`${FROM_KEY_FILE}-changed`));
  await opsd.configure(config('20s'));
  for (const args of [
    ['reload', '--dry-run'],
    ['reload'],
    ['status', '--json'],
    ['why', 'web'],
    ['events', '--no-follow', '--json'],
  ]) {
    const { stdout, stderr } = await opsd.ctl(...args);
    told[args.join(' ')] = stdout + stderr;
  }
  assert.match(told['reload --dry-run'] ?? '', /DSN/, 'that it changes is told, not to what');
  for (const path of ['/metrics', '/api/v1/services', '/api/v1/services/web', '/api/v1/services/web/why', '/']) {
    told[path] = (await opsd.api('GET', path)).body;
  }
  // A mistake in the secret file is told without what stands there.
  await opsd.write('p/key/env.toml', `[services.web]\nstop_timeout = "${FROM_KEY_FILE}"\n`);
  told['a mistake'] = JSON.stringify(await opsd.reload());
  assert.match(told['a mistake'], /stop_timeout/);
  await opsd.write('p/key/env.toml', `[services.web]\nenv = { DSN = "${FROM_KEY_FILE}\n`);
  told['broken TOML'] = JSON.stringify(await opsd.reload());
  told.log = await opsd.log();
  told['process listing'] = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => procFile(Number(pid), 'cmdline'))
    .join('\n');
  for (const [where, text] of Object.entries(told)) assert.doesNotMatch(text, /hunter2/, where);
});
