// cfg/config.toml: the example is valid, without a doubt, and does what its comments say.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../src/os/config-files.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';

const EXAMPLE = resolve(import.meta.dirname, '../../cfg/config.toml');

/** The example in a folder of its own: whose the checkout is does not matter here. */
async function example() {
  const place = await scratch();
  await mkdir(join(place.path, 'cfg'), { mode: 0o755 });
  await cp(EXAMPLE, join(place.path, 'cfg/config.toml'));
  const { PATH } = process.env;
  const result = readConfig({ configFile: 'cfg/config.toml', prefix: place.path, env: { PATH }, workDir: place.path });
  return { path: place.path, result, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

test('the example has no problem and no doubt', async () => {
  await using place = await example();
  assert.deepEqual(place.result.ok ? place.result.warnings : place.result.problems, []);
});

test('its services run, beat, and stop when they are asked to', async () => {
  await using place = await example();
  assert.ok(place.result.ok);
  await mkdir(join(place.path, 'tmp'));
  for (const { name, launch, policy } of place.result.config.services.values()) {
    if (!policy.enabled) continue;
    const [file, ...args] = launch.command;
    const env = { PATH: process.env.PATH, OPSD_HEARTBEAT_FILE: launch.heartbeatFile };
    const child = spawn(file, args, { cwd: launch.cwd, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    try {
      if (policy.restart !== 'never') {
        if (policy.heartbeat === null) await waitFor(`output of ${name}`, () => output.includes('\n'));
        else await waitFor(`a beat of ${name}`, () => readFile(launch.heartbeatFile, 'utf8').catch(() => undefined));
        child.kill('SIGTERM');
      }
      assert.deepEqual(await ended, [0, null], name);
    } finally {
      // What a shell leaves behind is in its group, as it would be for opsd.
      if (child.pid !== undefined) endGroup(child.pid);
    }
  }
});

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
