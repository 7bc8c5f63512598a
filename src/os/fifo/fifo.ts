// The named pipe that a service writes to: its bytes wait there for opsd, whichever opsd that is.

import { spawnSync } from 'node:child_process';
import {
  type BigIntStats,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  unlinkSync,
} from 'node:fs';
import { codeOf, RuntimeError } from '../../errors.ts';
import { leaveMargin } from '../proc/descriptor-margin.ts';
import { isOutOfDescriptors } from '../proc/spare-descriptor.ts';
import type { FifoRegistry } from './registry.ts';

/** Paths for one mkfifo(1): together they stay far below what execve(2) takes. */
const MOST_AT_ONCE = 2_000;

/** Makes those that are missing, with one process for all; what is there is left as it is. */
export function makeFifos(paths: readonly string[]): void {
  const missing = paths.filter((path) => !lstatSync(path, { throwIfNoEntry: false }));
  for (let from = 0; from < missing.length; from += MOST_AT_ONCE) {
    const some = missing.slice(from, from + MOST_AT_ONCE);
    const { status, error, stderr } = spawnSync('mkfifo', ['--mode=0600', '--', ...some], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    // Whether trying again can help is told by its code.
    if (error !== undefined && codeOf(error) !== 'ENOENT') throw error;
    if (error !== undefined) throw new RuntimeError('cannot make FIFOs: mkfifo(1) is not there: install coreutils');
    if (status !== 0) {
      throw new RuntimeError(`cannot make FIFOs: ${stderr.trim()}; see to the room and the rights of their folder`);
    }
  }
}

/** Neither waits for anything nor needs any right to the file itself (open(2)); Node has no name for it. */
const O_PATH = 0o10000000;
const MODE = 0o600;

/** Open for reading and writing, so that there is always a reader and never an end, whoever comes and goes. */
export class Fifo implements Disposable {
  readonly path: string;
  readonly fd: number;
  /** Whom it was made for. */
  readonly uid: number;

  private constructor(path: string, fd: number, uid: number) {
    this.path = path;
    this.fd = fd;
    this.uid = uid;
  }

  /**
   * `uid`: the service's user, who gets the FIFO: opening /dev/stdout opens its inode again, with its rights
   * (edge case N18). One that opsd itself made is what it is, whatever a service did to it (`chmod 666 /dev/stdout` is
   * a custom of container images), and is left so while that may still run. Throws RuntimeError where anything else is
   * in its place; nothing is followed, nothing changed. Where descriptors are used up, their error, which will pass.
   */
  static open(path: string, service: string, uid: number, book: FifoRegistry): Fifo {
    let seen = -1;
    try {
      seen = openSync(path, O_PATH | constants.O_NOFOLLOW);
      const found = fstatSync(seen, { bigint: true });
      const owner = book.ownerOf(service, found);
      if (owner === null) check(path, found, uid);
      if (owner === null && Number(found.uid) !== uid) chownSync(`/proc/self/fd/${seen}`, uid, -1);
      const fifo = new Fifo(path, leaveMargin(reopen(seen, owner !== null)), owner ?? uid);
      book.note(service, found, fifo.uid);
      return fifo;
    } catch (error) {
      throw unusable(path, error);
    } finally {
      if (seen !== -1) closeSync(seen);
    }
  }

  /** Is it what has its name? The next opsd finds it by that. */
  isInPlace(): boolean {
    const there = lstatSync(this.path, { throwIfNoEntry: false });
    const ours = fstatSync(this.fd);
    return there?.ino === ours.ino && there.dev === ours.dev;
  }

  /**
   * Another description, a blocking one, for a child; the caller closes it. By descriptor: nobody can swap the path. What
   * an earlier run did to owner and mode is undone: the new one may be somebody else, with only the rights of then.
   */
  openForChild(): number {
    try {
      const { uid, mode } = fstatSync(this.fd);
      if (uid !== this.uid) fchownSync(this.fd, this.uid, -1);
      if ((mode & 0o7777) !== MODE) fchmodSync(this.fd, MODE);
      return openSync(`/proc/self/fd/${this.fd}`, constants.O_RDWR);
    } catch (error) {
      throw unusable(this.path, error);
    }
  }

  /** The number of bytes read; 0: it is empty. */
  read(into: Buffer, limit = into.length): number {
    try {
      return readSync(this.fd, into, 0, limit, null);
    } catch (error) {
      if (codeOf(error) === 'EAGAIN' || codeOf(error) === 'EINTR') return 0;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/** By descriptor. A service that runs as the same user as opsd can lock both of them out. */
function reopen(seen: number, isOurs: boolean): number {
  const there = `/proc/self/fd/${seen}`;
  try {
    return openSync(there, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    if (!isOurs || codeOf(error) !== 'EACCES') throw error;
  }
  chmodSync(there, MODE);
  return openSync(there, constants.O_RDWR | constants.O_NONBLOCK);
}

function check(path: string, found: BigIntStats, uid: number): void {
  const us = process.geteuid?.() ?? 0;
  const owner = Number(found.uid);
  if (found.isSymbolicLink()) throw refusal(path, 'it is a symlink');
  if (!found.isFIFO()) throw refusal(path, 'it is not a FIFO');
  if (owner !== us && owner !== uid) {
    throw refusal(path, `it belongs to uid ${owner}, neither to opsd nor to the service's user (uid ${uid})`);
  }
  if ((Number(found.mode) & 0o077) !== 0) throw refusal(path, 'others than its owner may use it');
}

function refusal(path: string, why: string): RuntimeError {
  return new RuntimeError(`the output FIFO ${path} cannot be used: ${why}; remove it and start the service again`);
}

/** Whether trying again can help is told by the code of an error, which a refusal has not. */
function unusable(path: string, error: unknown): unknown {
  if (error instanceof RuntimeError || isOutOfDescriptors(error)) return error;
  return refusal(path, codeOf(error) || String(error));
}

/** Does any process have it open? Without one it is empty: the kernel keeps the bytes only that long. */
export function hasHolder(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW));
    return true;
  } catch (error) {
    // Nobody reads, and whoever holds a FIFO of ours for writing holds it for reading too.
    if (codeOf(error) === 'ENXIO') return false;
    // A service has locked us out of it, and may be there still.
    if (codeOf(error) === 'EACCES') return true;
    throw error;
  }
}

/** Gone is gone: a file that somebody removed already is no trouble. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
  }
}
