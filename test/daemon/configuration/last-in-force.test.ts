// The configuration in force on disk: an older one never stays in its place, and whatever it holds opsd goes on.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LastInForce } from '../../../src/daemon/configuration/last-in-force.ts';
import { type KeptConfig, readKeptConfig } from '../../../src/os/files/kept-config.ts';
import { recordingLog } from '../../os/output/outputs.ts';
import { scratch } from '../../support/scratch.ts';

function config(...texts: readonly string[]): KeptConfig {
  return { files: texts.map((text) => ({ role: 'include', where: 'a.toml', text })), texts: [], variables: {} };
}

const HUGE = config(...Array.from({ length: 100 }, () => '\u0001'.repeat(1 << 20)));

test('a configuration that is too large to be kept takes the one before with it, and the log says so', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'kept.json');
  const log = recordingLog();
  const last = new LastInForce(path);
  last.keep(config('a'), log);
  assert.deepEqual([existsSync(path), log.lines], [true, []]);
  last.keep(HUGE, log);
  assert.equal(existsSync(path), false);
  assert.match(log.lines.join(), /cannot keep the configuration/);
  // The one from before is written again when it is in force again.
  last.keep(config('a'), log);
  assert.deepEqual(readKeptConfig(path), { ok: true, kept: config('a') });
});

test('where the earlier one cannot be removed either, the log says so, and opsd goes on', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'kept.json');
  mkdirSync(path);
  const log = recordingLog();
  new LastInForce(path).keep(config('a'), log);
  assert.equal(log.lines.length, 1, log.lines.join());
  assert.match(log.lines.join(), /remove/);
});

test('90 env_files of a mebibyte that JSON makes six of are told of, and the configuration is kept', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'kept.json');
  const log = recordingLog();
  const text = '\u0001'.repeat(1 << 20);
  const texts = Array.from({ length: 90 }, (_, n) => [`["/srv/${n}.env","web",null]`, text] as const);
  new LastInForce(path).keep({ ...config('a'), texts }, log);
  assert.deepEqual(readKeptConfig(path), { ok: true, kept: config('a') });
  assert.match(log.lines.join(), /env_files are too large to be kept/);
});
