// cfg: what is installed supervises nothing, the demo is valid, and its programs do what its comments say.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import type { ServiceSpec } from '../../src/core/model/spec.ts';
import { readConfig } from '../../src/os/config/files.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { freePort } from '../support/requests.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';

const CFG = resolve(import.meta.dirname, '../../cfg');
/** The node of this test, as `make run` has it, and what every host has. */
const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;

/** The example in a folder of its own: whose the checkout is does not matter here. */
async function example(secret?: string) {
  const place = await scratch();
  // A port of its own: the one of the example may be taken.
  const port = await freePort();
  await cp(CFG, join(place.path, 'cfg'), { recursive: true });
  await mkdir(join(place.path, 'tmp'));
  await mkdir(join(place.path, 'key'));
  if (secret !== undefined) await writeFile(join(place.path, 'key/env.toml'), secret, { mode: 0o600 });
  const env = { PATH, OPSD__SERVICES__WEB__ENV__PORT: `"${port}"` };
  const result = readConfig({
    clock: systemClock,
    configFile: 'cfg/demo.toml',
    prefix: place.path,
    env,
    workDir: place.path,
  });
  const service = (name: string): ServiceSpec => {
    const spec = result.ok ? result.config.services.get(name) : undefined;
    assert.ok(spec, `no service ${name}`);
    return spec;
  };
  return { path: place.path, port, result, service, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

/** A service as opsd would run it, and nothing of it afterwards. */
function run({ launch }: ServiceSpec, path: string) {
  const [file, ...args] = launch.command;
  const env = { PATH: path, ...launch.env, OPSD_HEARTBEAT_FILE: launch.heartbeatFile };
  const child = spawn(file, args, { cwd: launch.cwd, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  return {
    ended,
    output: () => output,
    stop: () => child.kill('SIGTERM'),
    beat: () => waitFor('a beat', () => readFile(launch.heartbeatFile, 'utf8').catch(() => undefined)),
    async [Symbol.asyncDispose]() {
      // What a shell leaves behind is in its group, as it would be for opsd.
      if (child.pid !== undefined) endGroup(child.pid);
      await ended;
    },
  };
}

test('the example has no problem and no doubt, with env.toml.example neither', async () => {
  for (const secret of [undefined, await readFile(join(CFG, 'env.toml.example'), 'utf8')]) {
    await using place = await example(secret);
    assert.deepEqual(place.result.ok ? place.result.warnings : place.result.problems, []);
    assert.equal(place.service('web').launch.env.SESSION_SECRET, secret && 'replace me');
  }
});

test('what is installed supervises nothing yet, and its example is valid when its marks are removed', async () => {
  await using place = await scratch();
  await cp(CFG, join(place.path, 'cfg'), { recursive: true });
  await mkdir(join(place.path, 'tmp'));
  const file = join(place.path, 'cfg/config.toml');
  const read = () => {
    const options = { clock: systemClock, configFile: 'cfg/config.toml', prefix: place.path, workDir: place.path };
    const result = readConfig({ ...options, env: { PATH } });
    return result.ok ? [...result.config.services.keys()] : result.problems;
  };
  assert.deepEqual(read(), []);
  const text = (await readFile(file, 'utf8')).replaceAll(/^# (?=\[services|[a-z]+ += )/gm, '');
  // This machine has neither the folder nor the user of the example.
  await writeFile(file, text.replace(/^(cwd|user) .*$/gm, ''));
  assert.deepEqual(read(), ['web']);
});

test('its one-shot sets up what its worker works on; the worker beats and stops when it is asked to', async () => {
  await using place = await example();
  await using setup = run(place.service('setup'), PATH);
  assert.deepEqual(await setup.ended, [0, null]);
  assert.deepEqual(place.service('worker').policy.dependsOn, [{ service: 'setup', until: 'completed' }]);
  await using worker = run(place.service('worker'), PATH);
  await worker.beat();
  await writeFile(join(place.path, 'tmp/queue/1'), 'hello\n');
  await waitFor('a checksum', () => worker.output().includes(' 6 tmp/queue/1\n'));
  await waitFor('an empty queue', async () => (await readdir(join(place.path, 'tmp/queue'))).length === 0);
  worker.stop();
  assert.deepEqual(await worker.ended, [0, null]);
});

test('its HTTP service answers, beats and stops when it is asked to', async () => {
  await using place = await example();
  await using web = run(place.service('web'), PATH);
  await web.beat();
  const reply = await fetch(`http://127.0.0.1:${place.port}/.well-known/live`);
  assert.deepEqual([reply.status, await reply.text()], [200, 'ok\n']);
  web.stop();
  assert.deepEqual(await web.ended, [0, null]);
});

test('where opsd is installed, its HTTP service runs with the node that opsd brought', async () => {
  await using place = await example();
  await mkdir(join(place.path, 'lib/current/bin'), { recursive: true });
  const node = `#!/bin/sh\necho "the node of opsd"\nexec ${process.execPath} "$@"\n`;
  await writeFile(join(place.path, 'lib/current/bin/node'), node, { mode: 0o755 });
  await using web = run(place.service('web'), '/usr/bin:/bin');
  await web.beat();
  assert.match(web.output(), /^the node of opsd\n/);
});

test('it shows an HTTP service, a worker and a one-shot, and nothing that is left running by itself', async () => {
  await using place = await example();
  assert.deepEqual(place.result.ok && [...place.result.config.services.keys()], ['web', 'worker', 'setup']);
  const isBeating = ['web', 'worker', 'setup'].map((name) => place.service(name).policy.heartbeat !== null);
  assert.deepEqual(isBeating, [true, true, false]);
  assert.equal(place.service('setup').policy.restart, 'never');
});

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
