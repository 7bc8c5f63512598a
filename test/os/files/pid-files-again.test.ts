// A PID file that could not be written is written as soon as it can be, unless it is no longer wanted.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServicePidFiles } from '../../../src/os/files/pid-files.ts';
import { Scheduler } from '../../simulation/scheduler.ts';
import { scratch } from '../../support/scratch.ts';
import { recordingLog } from '../output/outputs.ts';

const RETRY_EVERY = 5_000;

test('it is tried again until it works, and nothing but the first failure and the success is said', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'web.pid');
  const log = recordingLog();
  const scheduler = new Scheduler();
  using files = new ServicePidFiles(folder.path, log, scheduler.clock, RETRY_EVERY);
  mkdirSync(join(path, 'in the way'), { recursive: true });
  files.write('web', 4711);
  files.write('other', 42);
  await scheduler.pass(3 * RETRY_EVERY);
  assert.ok(existsSync(join(folder.path, 'other.pid')));
  assert.equal(log.lines.length, 1);
  rmSync(path, { recursive: true });
  await scheduler.pass(RETRY_EVERY);
  assert.equal(readFileSync(path, 'utf8'), '4711\n');
  assert.match(log.lines.join('\n'), /^WARN cannot write the PID file.*\nINFO the PID file can be written again.*$/);
});

test('one that was removed meanwhile stays away', async () => {
  await using folder = await scratch();
  const scheduler = new Scheduler();
  using files = new ServicePidFiles(folder.path, recordingLog(), scheduler.clock, RETRY_EVERY);
  for (const service of ['web', 'witness']) {
    mkdirSync(join(folder.path, `${service}.pid`, 'in the way'), { recursive: true });
    files.write(service, 4711);
  }
  for (const service of ['web', 'witness']) rmSync(join(folder.path, `${service}.pid`), { recursive: true });
  files.remove('web');
  await scheduler.pass(RETRY_EVERY);
  assert.equal(existsSync(join(folder.path, 'witness.pid')), true);
  assert.equal(existsSync(join(folder.path, 'web.pid')), false);
});
