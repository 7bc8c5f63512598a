// opsd is killed with -9 between the opening of a FIFO and what it notes of the spawn: what becomes of the output.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ServiceOutputs } from '../../../src/os/output/service-outputs.ts';
import { scratch } from '../../support/scratch.ts';
import { isAlive } from '../../support/survivors.ts';
import { waitFor } from '../../support/wait.ts';
import { end } from '../rig.ts';
import { outputsIn, specOf } from './outputs.ts';

const LINES = 'line 1\nline 2\nline 3\nline 4\n';
const SAY = 'for i in 1 2 3 4; do echo line $i; done; : >said; while [ -e said ] && ! [ -e go ]; do sleep 0.01; done';

/** The daemon is killed before or after its spawn; gives the PID of the service, null before it. */
async function killedAt(folder: string, moment: 'before' | 'after', script: string): Promise<number | null> {
  mkdirSync(join(folder, 'run'), { recursive: true });
  const program = join(import.meta.dirname, 'dying-spawner.ts');
  const { signal, stdout, stderr } = spawnSync(process.execPath, [program, folder, moment, script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  assert.equal(signal, 'SIGKILL', stderr);
  return moment === 'before' ? null : Number(stdout);
}

function nextOf(folder: string): ServiceOutputs {
  const outputs = outputsIn(folder);
  outputs.prepare([specOf('web')]);
  return outputs;
}

function logOf(folder: string): string {
  try {
    return readFileSync(join(folder, 'log/web.log'), 'utf8');
  } catch {
    return '';
  }
}

async function said(folder: string): Promise<void> {
  await waitFor('the lines of the service', () => {
    try {
      return readFileSync(join(folder, 'said')) !== null;
    } catch {
      return false;
    }
  });
}

test('a service whose opsd was killed as it was spawned holds its FIFO itself: the next opsd reads every line', async () => {
  await using folder = await scratch();
  const pid = await killedAt(folder.path, 'after', SAY);
  assert.ok(pid !== null && isAlive(pid));
  await said(folder.path);
  await using _next = nextOf(folder.path);
  writeFileSync(join(folder.path, 'go'), '');
  await waitFor('the log', () => logOf(folder.path) === LINES);
  await waitFor('its end', () => !isAlive(pid));
});

test('a child that it left holds the FIFO as well, when the main process has ended before the next opsd came', async () => {
  await using folder = await scratch();
  const pid = await killedAt(folder.path, 'after', `(${SAY}) & sleep 60`);
  assert.ok(pid !== null && isAlive(pid));
  await said(folder.path);
  end(pid);
  await waitFor('its end', () => !isAlive(pid));
  await using _next = nextOf(folder.path);
  await waitFor('the log', () => logOf(folder.path) === LINES);
  writeFileSync(join(folder.path, 'go'), '');
});

test('what a generation wrote that began and ended while no opsd was there is gone: the kernel frees a FIFO that nobody holds', async () => {
  await using folder = await scratch();
  const pid = await killedAt(folder.path, 'after', SAY);
  assert.ok(pid !== null);
  await said(folder.path);
  writeFileSync(join(folder.path, 'go'), '');
  await waitFor('the end of the service', () => !isAlive(pid));
  await using next = nextOf(folder.path);
  next.endOfGeneration('web');
  assert.equal(logOf(folder.path), '');
});

test('an opsd that is killed with the FIFO open and nothing spawned leaves a FIFO that the next one uses', async () => {
  await using folder = await scratch();
  await killedAt(folder.path, 'before', '');
  await using next = nextOf(folder.path);
  const { stdout, close } = next.open(specOf('web'));
  writeFileSync(stdout, 'the first line\n');
  close();
  await waitFor('the log', () => logOf(folder.path) === 'the first line\n');
});
