// env.toml that is gone: opsd does not start without the token that it asked for until then.

import assert from 'node:assert/strict';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { freePort } from '../support/requests.ts';
import { waitFor } from '../support/wait.ts';

const KEPT = 'data/opsd/config-in-force.json';
const TOKEN = 'a-token-that-nobody-guesses-0123456789';
const REFUSED =
  /key\/env\.toml +is missing, and the configuration last in force has it; restore it, or, .* remove \S+config-in-force\.json/;
const OPEN = /CRITICAL daemon\.http asks for no token or certificate any more/;

async function start() {
  const port = await freePort();
  const config = (services: string) => `[daemon]\nhttp = "0.0.0.0:${port}"\n${services}`;
  const opsd = await startOpsd({
    config: config('[services.web]\ncommand = ["sleep", "1000"]\n'),
    http: 'configured',
    files: { 'p/key/env.toml': `daemon.http_token = "${TOKEN}"\n` },
  });
  const status = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).status;
  await opsd.until('web', 'running');
  await waitFor('the kept configuration', async () => (await opsd.read(`p/${KEPT}`)) !== '');
  return { opsd, status, secrets: join(opsd.prefix, 'key/env.toml'), kept: join(opsd.prefix, KEPT) };
}

test('env.toml that is gone refuses reload, handover and first start; beside services the kept one goes on', async () => {
  const { opsd: started, status, secrets, kept } = await start();
  await using opsd = started;
  await rename(secrets, `${secrets}.away`);
  for (const command of ['reload', 'handover']) {
    const { code, stderr } = await opsd.ctl(command);
    assert.equal(code, 1, stderr);
    assert.match(stderr, REFUSED);
  }
  await opsd.crash();
  await opsd.restart();
  await opsd.until('web', 'running');
  assert.equal(await status(), 401);
  assert.match(await opsd.log(), /CRITICAL the configuration is broken, and the one last in force goes on problems=1 /);
  await opsd.stop();
  const first = await opsd.opsd('run');
  assert.equal(first.code, 1);
  assert.match(first.stderr, REFUSED);
  // What it says helps.
  await rename(`${secrets}.away`, secrets);
  await opsd.restart();
  assert.equal(await status(), 401);
  await rm(secrets);
  await rm(kept);
  assert.equal((await opsd.reload()).status, 200);
  assert.equal(await status(), 200);
  assert.match(await opsd.log(), OPEN);
});

test('a token that is gone from env.toml is an alert, at a reload and at a start', async () => {
  const { opsd: started, status, secrets } = await start();
  await using opsd = started;
  assert.doesNotMatch(await opsd.log(), OPEN);
  await opsd.crash();
  await opsd.write('p/key/env.toml', '# nothing\n');
  await opsd.restart();
  await opsd.until('web', 'running');
  assert.equal(await status(), 200);
  assert.match(await opsd.log(), OPEN);
  await rm(secrets);
});
