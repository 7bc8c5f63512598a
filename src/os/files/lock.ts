// Allows one opsd for each run directory: by a lock that the kernel holds for as long as the process lives, however it
// ends.

import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf, RuntimeError } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { isTaken } from '../proc/signals.ts';
import { readPid, removePid, writePid } from './pid-files.ts';

/**
 * How long opsd waits for a lock that has no living owner. The lock belongs to the open file description, which a child
 * shares between fork and exec (O_CLOEXEC drops it there): an opsd killed while it spawns leaves it held for a moment.
 * And the opsd that gets the lock needs a moment to write its PID.
 */
const OWNERLESS_WAIT: Millis = 500;
const PAUSE: Millis = 10;
/** Exit code of flock(1) if another process holds the lock. */
const HELD = 1;

/** Takes the lock until disposed. Throws RuntimeError with the PID if another opsd runs. */
export async function acquireLock(runDir: string, clock: Clock): Promise<AsyncDisposable> {
  const path = join(runDir, 'opsd.lock');
  const end = clock.now() + OWNERLESS_WAIT;
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
    if (clock.now() > end) throw taken(runDir, 'its PID is not known: try again, or see lslocks(8)');
    await clock.after(PAUSE);
  }
}

function taken(runDir: string, who: string): RuntimeError {
  return new RuntimeError(
    `another opsd (${who}) runs on ${runDir}: stop it with "opsd ctl shutdown", or give this one another PREFIX`,
  );
}

/** A user who could open the file could lock it and keep opsd from starting: it must belong to opsd alone. */
function openLock(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  } catch (error) {
    const why = codeOf(error) === 'ELOOP' ? 'it is a symlink' : codeOf(error) || String(error);
    throw new RuntimeError(
      `cannot open the lock ${path}: ${why}; remove it, or check its permissions, and start again`,
    );
  }
  const found = fstatSync(fd);
  if (found.isFile() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0) return fd;
  closeSync(fd);
  throw new RuntimeError(`the lock ${path} is not a file of opsd's own with mode 0600: remove it and start again`);
}

/** Node has no flock(2). A lock that flock(1) takes on the shared file description stays when flock(1) ends. */
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

/**
 * Whether the file still has its name. It may have been removed meanwhile, and the lock would be on an unlinked file.
 */
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
    throw new RuntimeError(`cannot write ${pidFile}: ${why}; free space or check the permissions of ${runDir}`);
  }
  return {
    async [Symbol.asyncDispose]() {
      try {
        if (readPid(pidFile) === process.pid) removePid(pidFile);
      } finally {
        // The lock file stays: after a removal two daemons could lock two files of one name.
        closeSync(fd);
      }
    },
  };
}
