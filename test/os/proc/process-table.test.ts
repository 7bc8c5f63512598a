// Whose environment is read: that of users whose services are looked for, and of kin of what is ours; nobody else's.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatMarker } from '../../../src/os/proc/marker.ts';
import { ProcessTable } from '../../../src/os/proc/process-table.ts';
import { inOneTurn } from '../../../src/os/proc/turns.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { mallory, needsRoot, victim } from '../../support/second-user.ts';
import { waitFor } from '../../support/wait.ts';

const runDir = '/nowhere/of-others';
const NOBODY_OF_US = new Set<number>();

/** A program of that user with a marker of ours, in a session of its own. */
async function started(uid: number, program: readonly string[]): Promise<ChildProcess & Disposable> {
  const child = spawn('setpriv', [`--reuid=${uid}`, '--clear-groups', '--', ...program], {
    stdio: 'ignore',
    detached: true,
    env: { OPSD_MARKER: formatMarker({ service: 'web', generation: 1, runDir }), PATH: '/usr/bin:/bin' },
  });
  await waitFor('its program', () => readFileSync(`/proc/${child.pid}/cmdline`, 'latin1').startsWith(program[0] ?? ''));
  return Object.assign(child, {
    [Symbol.dispose]: () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    },
  });
}

function marked(table: ProcessTable, users: ReadonlySet<number>): number[] {
  const seen = inOneTurn(table.scan(users));
  assert.ok(seen);
  return seen.processes.filter(({ marker }) => marker !== null).map(({ pid }) => pid);
}

test('of another user it is not, and is when that user is asked for a moment later', { skip: needsRoot }, async () => {
  using process = await started(mallory.uid, ['sleep', '1000']);
  const table = new ProcessTable(runDir, { isMain: () => false, isSession: () => false }, systemClock);
  assert.deepEqual(marked(table, NOBODY_OF_US), []);
  assert.deepEqual(marked(table, new Set([victim.uid])), []);
  assert.deepEqual(marked(table, new Set([mallory.uid])), [process.pid]);
});

test('of a child of ours that is another user by now it is, and of its children', { skip: needsRoot }, async () => {
  using process = await started(mallory.uid, ['sh', '-c', 'sleep 1000 & sleep 1000']);
  const main = process.pid;
  const table = new ProcessTable(runDir, { isMain: (pid) => pid === main, isSession: () => false }, systemClock);
  await waitFor('both children', () => marked(table, NOBODY_OF_US).length === 2);
  const other = new ProcessTable(
    runDir,
    { isMain: () => false, isSession: (session) => session === main },
    systemClock,
  );
  assert.equal(marked(other, NOBODY_OF_US).length, 3);
});
