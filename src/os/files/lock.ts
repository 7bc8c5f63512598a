// One opsd for a run directory: a lock that the kernel holds for as long as the process lives, however it ends.

import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf, RuntimeError } from '../../errors.ts';
import { after, monotonic } from '../../runtime/clock.ts';
import { isTaken } from '../proc/signals.ts';
import { readPid, removePid, writePid } from './pid-files.ts';

/**
 * How long a lock without a living owner is waited for. The lock belongs to the open file description; a child shares it
 * between fork and exec (O_CLOEXEC drops it there), so that an opsd killed while it spawns leaves it held for a moment.
 * And a winner needs a moment to write who it is.
 */
const PATIENCE: Millis = 500;
const PAUSE: Millis = 10;
/** flock(1) ends with this where somebody else holds the lock. */
const HELD = 1;

/** Throws RuntimeError where another opsd runs, naming its PID. Disposing gives the lock back. */
export async function acquireLock(runDir: string): Promise<AsyncDisposable> {
  const path = join(runDir, 'opsd.lock');
  const end = monotonic() + PATIENCE;
  for (;;) {
    const fd = openLock(path);
    try {
      if (take(fd) && isStillAt(fd, path)) return own(fd, runDir);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    const winner = readPid(path);
    closeSync(fd);
    if (winner !== null && isTaken(winner)) throw taken(runDir, `pid ${winner}`);
    if (monotonic() > end) throw taken(runDir, 'its PID is not known: try again, or see lslocks(8)');
    await after(PAUSE);
  }
}

function taken(runDir: string, who: string): RuntimeError {
  return new RuntimeError(
    `another opsd (${who}) runs on ${runDir}: stop it with "opsd ctl shutdown", or give this one another PREFIX`,
  );
}

/** Whoever could open the file could hold the lock and keep opsd from starting: it must be ours alone. */
function openLock(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  } catch (error) {
    const why = codeOf(error) === 'ELOOP' ? 'it is a symlink' : codeOf(error) || String(error);
    throw new RuntimeError(`cannot open the lock ${path}: ${why}; remove it, or see to its rights, and start again`);
  }
  const found = fstatSync(fd);
  if (found.isFile() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0) return fd;
  closeSync(fd);
  throw new RuntimeError(`the lock ${path} is not a file of opsd's own with mode 0600: remove it and start again`);
}

/** Node has no flock(2). The lock that flock(1) takes on the shared description stays when flock(1) ends. */
function take(fd: number): boolean {
  const { status, error, stderr } = spawnSync('flock', ['--exclusive', '--nonblock', '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    encoding: 'utf8',
  });
  if (status === 0) return true;
  if (status === HELD) return false;
  const why = error ? error.message : stderr.trim();
  throw new RuntimeError(`cannot take the lock: flock(1) of the package util-linux failed: ${why}`);
}

/** Somebody may have removed the file while we waited: then ours is a lock on nothing. */
function isStillAt(fd: number, path: string): boolean {
  const ours = fstatSync(fd);
  const there = statSync(path, { throwIfNoEntry: false });
  return there?.ino === ours.ino && there.dev === ours.dev;
}

function own(fd: number, runDir: string): AsyncDisposable {
  const pidFile = join(runDir, 'opsd.pid');
  try {
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid}\n`, 0);
    writePid(pidFile, process.pid);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RuntimeError(`cannot write ${pidFile}: ${why}; make room or see to the rights of ${runDir}`);
  }
  return {
    async [Symbol.asyncDispose]() {
      try {
        if (readPid(pidFile) === process.pid) removePid(pidFile);
      } finally {
        // The lock file stays: removing it would let two daemons lock two files of one name.
        closeSync(fd);
      }
    },
  };
}
