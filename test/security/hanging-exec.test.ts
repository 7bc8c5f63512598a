// A stranger's exec that never ends holds a lock of the kernel, for which whoever reads /proc/PID/stat waits: opsd does not.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ProcessTable } from '../../src/os/proc/process-table.ts';
import { inOneTurn } from '../../src/os/proc/turns.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { scratch } from '../support/scratch.ts';
import { needsRoot } from '../support/second-user.ts';

/** Nobody's. */
const STRANGER = 61_234;
/** After that the exec ends by itself, should the test wait for it. Nothing on the host may be kept waiting for long. */
const SECONDS = 3;

const skip = needsRoot || (existsSync('/dev/fuse') ? false : 'the kernel has no FUSE');

/** In a mount namespace of its own. */
async function hangingExec(dir: string): Promise<ChildProcess & AsyncDisposable> {
  mkdirSync(dir);
  const script = new URL('../support/hang-exec.pl', import.meta.url).pathname;
  const command = ['--mount', 'perl', script, dir, String(STRANGER), String(SECONDS)];
  const child = spawn('unshare', command, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const first = await Promise.race([new Promise((resolve) => child.stdout?.once('data', resolve)), ended]);
  assert.equal(String(first), 'hung\n');
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      child.stdin?.destroy();
      await ended;
    },
  });
}

test('a scan of all processes does not wait for it', { skip }, async () => {
  await using dir = await scratch();
  await using _process = await hangingExec(join(dir.path, 'fuse'));
  const table = new ProcessTable('/nowhere/of-others', { isMain: () => false, isSession: () => false }, systemClock);
  const began = performance.now();
  // The second finds it as the first remembers it.
  for (let scans = 0; scans < 2; scans++) assert.ok(inOneTurn(table.scan(new Set())));
  const took = performance.now() - began;
  assert.ok(took < (SECONDS * 1_000) / 2, `${took} ms`);
});
