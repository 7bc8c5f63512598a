// A process that takes the lock of the run directory given, says how that went, and holds it until its input ends.

import { spawn } from 'node:child_process';
import { acquireLock } from '../../../src/os/files/lock.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';

const [runDir = '', what] = process.argv.slice(2);
try {
  await using _lock = await acquireLock(runDir, systemClock);
  if (what === 'with a child') spawn('sleep', ['300'], { stdio: 'ignore', detached: true }).unref();
  process.stdout.write('won\n');
  await new Promise((resolve) => process.stdin.once('end', resolve).resume());
} catch (error) {
  process.stdout.write(`lost ${error instanceof Error ? `${error.name}: ${error.message}` : error}\n`);
  process.exitCode = 2;
}
