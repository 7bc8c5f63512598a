// Files that are broken in form: services that run keep their supervisor, a first start is refused.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Opsd, startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';

const KEPT = 'data/opsd/config-in-force.json';
const WEB = '[services.web]\ncommand = ["sleep", "1000"]\n';

test('whatever is wrong in the files, the next opsd goes on with the configuration last in force, and says so', async () => {
  await using opsd = await startOpsd({ config: WEB });
  const { pid } = await opsd.until('web', 'running');
  const kept = join(opsd.prefix, KEPT);
  await waitFor('the kept configuration', () =>
    stat(kept).then(
      ({ mode }) => (mode & 0o777) === 0o600,
      () => false,
    ),
  );
  const broken: Record<string, [text: string, problem: RegExp]> = {
    syntax: [`${WEB}oops\n`, /config\.toml:\d+.*not TOML/],
    'an unknown key': [`${WEB}comand = "x"\n`, /comand/],
    nothing: ['', /lost all its services/],
    'a cycle': [`${WEB}depends_on = ["web"]\n`, /depends_on/],
  };
  for (const [what, [text, problem]] of Object.entries(broken)) {
    await opsd.configure(text);
    await opsd.crash();
    await opsd.restart();
    const view = await opsd.until('web', 'running');
    assert.deepEqual([view.pid, view.adopted], [pid, true], what);
    assert.match(
      await opsd.log(),
      /CRITICAL the configuration is broken, and the one last in force goes on problems=1 /,
    );
    assert.match(await metricsOf(opsd), /^opsd_config_last_reload_successful 0$/m);
    const { stdout } = await opsd.ctl('status');
    assert.match(stdout, /the configuration files were refused at .* \(1 problem\).*opsd check/, what);
    assert.match(stdout, problem, what);
    const refused = await opsd.ctl('reload');
    assert.equal(refused.code, 1, what);
  }
  await opsd.configure(`${WEB}[services.two]\ncommand = ["sleep", "1000"]\n`);
  assert.equal((await opsd.reload()).status, 200);
  await opsd.until('two', 'running');
  assert.doesNotMatch((await opsd.ctl('status')).stdout, /refused/);
  assert.match(await metricsOf(opsd), /^opsd_config_last_reload_successful 1$/m);
  await opsd.configure('oops');
  await opsd.crash();
  await opsd.restart();
  await opsd.until('two', 'running');
});

test('a service that ends beside broken files is started again as it was configured, secrets and env_file included', async () => {
  const config = `[services.web]\ncommand = ["sh", "-c", "echo $TOKEN $FROM_FILE >>told; exec sleep 1000"]\nenv_file = "web.env"\n`;
  const files = {
    'web.env': 'FROM_FILE=file\n',
    'p/key/env.toml': '[services.web.env]\nTOKEN = "very-secret-token"\n',
  };
  await using opsd = await startOpsd({ config, files });
  await opsd.until('web', 'running');
  await waitFor('its word', async () => (await opsd.read('told')) === 'very-secret-token file\n');
  await waitFor('the kept configuration', () =>
    stat(join(opsd.prefix, KEPT)).then(
      () => true,
      () => false,
    ),
  );
  await rm(join(opsd.prefix, 'key/env.toml'));
  await opsd.write('web.env', 'no assignment');
  await opsd.configure('oops');
  await opsd.crash();
  await opsd.restart();
  await opsd.until('web', 'running');
  await opsd.order('restart', 'web');
  await waitFor('the same word', async () => (await opsd.read('told')) === 'very-secret-token file\n'.repeat(2));
  assert.doesNotMatch((await opsd.log()) + (await opsd.ctl('status', '--json')).stdout, /very-secret-token/);
});

test('a first start with broken files is refused with 1, whatever was kept; --strict refuses also beside services', async () => {
  await using opsd = await startOpsd({ config: WEB });
  await opsd.until('web', 'running');
  await opsd.configure('oops');
  await opsd.crash();
  const strict = await opsd.opsd('run', '--strict');
  assert.deepEqual([strict.code, /is not TOML/.test(strict.stderr)], [1, true]);
  await opsd.restart();
  await opsd.stop();
  assert.deepEqual(opsd.alive(), []);
  await opsd.configure('oops');
  const first = await opsd.opsd('run');
  assert.deepEqual([first.code, /cannot load .*1 problem/.test(first.stderr)], [1, true]);
});

test('a handover beside broken files is refused, by command and by signal, and opsd goes on', async () => {
  await using opsd = await startOpsd({ config: WEB });
  const { pid } = await opsd.until('web', 'running');
  for (const [text, problem] of [
    [`${WEB}oops\n`, /config\.toml:3 +is not TOML/],
    [`${WEB}[services.two]\ncomand = "x"\n`, /config\.toml:4 +services\.two\.comand/],
    ['', /config\.toml +services +.*lost all its services/],
  ] as const) {
    await opsd.configure(text);
    const { code, stderr } = await opsd.ctl('handover');
    assert.deepEqual([code, /^opsd: the next opsd could not start/.test(stderr)], [1, true], stderr);
    assert.match(stderr, problem);
    opsd.kill('SIGUSR2');
    await opsd.logged(/a handover was refused by=SIGUSR2/);
    assert.equal(opsd.daemon.ended(), undefined);
    assert.equal((await opsd.status('web')).pid, pid);
  }
});

test('an address that the next opsd could not listen on is told by reload, and refuses the handover', async () => {
  const inUse = createServer().listen(0, '127.0.0.1');
  await once(inUse, 'listening');
  using _closed = { [Symbol.dispose]: () => void inUse.close() };
  const address = inUse.address();
  assert.ok(address !== null && typeof address === 'object');
  await using opsd = await startOpsd({ config: `[daemon]\nhttp = ""\n${WEB}`, http: 'configured' });
  const { pid } = await opsd.until('web', 'running');
  await opsd.configure(`[daemon]\nhttp = "127.0.0.1:${address.port}"\n${WEB}`);
  for (const command of ['reload', 'handover']) {
    const { code, stderr } = await opsd.ctl(command);
    assert.deepEqual(
      [code, /daemon\.http +cannot listen on .*: the port is in use/.test(stderr)],
      [command === 'reload' ? 2 : 1, true],
      stderr,
    );
  }
  assert.equal((await opsd.status('web')).pid, pid);
});

test('run --stop-all stops what an earlier opsd left, starts nothing, and ends with 0', async () => {
  const config = `${WEB}[services.two]\ncommand = ["sh", "-c", "echo >>started; exec sleep 1000"]\n`;
  await using opsd = await startOpsd({ config });
  await opsd.until('web', 'running');
  await opsd.until('two', 'running');
  await waitFor('the kept configuration', async () => (await opsd.read(`p/${KEPT}`)) !== '');
  await opsd.crash();
  // Beside broken files, too: they stop nobody from stopping.
  await opsd.configure('oops');
  assert.ok(opsd.alive().length >= 2);
  assert.equal((await opsd.opsd('run', '--stop-all')).code, 0);
  assert.deepEqual(opsd.alive(), []);
  await opsd.configure(config);
  assert.equal((await opsd.opsd('run', '--stop-all')).code, 0, 'with nobody to stop');
  assert.deepEqual([opsd.alive(), await opsd.read('started')], [[], '\n']);
});

test('a kept configuration that was tampered with is not used', async () => {
  await using opsd = await startOpsd({ config: WEB });
  await opsd.until('web', 'running');
  const path = `p/${KEPT}`;
  await waitFor('the kept configuration', async () => (await opsd.read(path)) !== '');
  await opsd.crash();
  await opsd.write(path, (await opsd.read(path)).replace('1000', '1001'));
  await opsd.configure('oops');
  const next = await opsd.opsd('run');
  assert.deepEqual([next.code, opsd.alive().length > 0], [1, true]);
  await opsd.configure(WEB);
  await opsd.restart();
  await opsd.until('web', 'running');
});

async function metricsOf(opsd: Opsd): Promise<string> {
  const { body } = await opsd.api('GET', '/metrics');
  return typeof body === 'string' ? body : JSON.stringify(body);
}
