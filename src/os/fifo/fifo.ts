// The FIFO that a service writes its output to: the bytes wait there for opsd, this one or the next.

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
import { isOutOfDescriptors } from '../procfs/spare-descriptor.ts';
import type { FifoRegistry } from './registry.ts';

/** Paths for one mkfifo(1): together far below the limit of execve(2). */
const MOST_AT_ONCE = 2_000;

/** Makes the missing FIFOs, thousands with one process; existing files are left as they are. */
export function makeFifos(paths: readonly string[]): void {
  const missing = paths.filter((path) => !lstatSync(path, { throwIfNoEntry: false }));
  for (let from = 0; from < missing.length; from += MOST_AT_ONCE) {
    const some = missing.slice(from, from + MOST_AT_ONCE);
    const { status, error, stderr } = spawnSync('mkfifo', ['--mode=0600', '--', ...some], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    // The error keeps its code, by which a failure that passes is told from a permanent one.
    if (error !== undefined && codeOf(error) !== 'ENOENT') throw error;
    if (error !== undefined) throw new RuntimeError('cannot make FIFOs: mkfifo(1) is not installed: install coreutils');
    if (status !== 0) {
      throw new RuntimeError(`cannot make FIFOs: ${stderr.trim()}; check free space and permissions of their folder`);
    }
  }
}

/** O_PATH (open(2)) never blocks and needs no permission for the file; Node has no name for it. */
const O_PATH = 0o10000000;
const MODE = 0o600;

/** Open for reading and writing: so the FIFO always has a reader, and opsd never reads an end of file. */
export class Fifo implements Disposable {
  readonly path: string;
  readonly fd: number;
  /** The user id that the FIFO was made for. */
  readonly uid: number;
  #isAbandoned = false;

  private constructor(path: string, fd: number, uid: number) {
    this.path = path;
    this.fd = fd;
    this.uid = uid;
  }

  /**
   * Opens the FIFO. `uid`: the service's user, who becomes its owner: opening /dev/stdout opens the inode again, with
   * the user's permissions (edge case N18). A FIFO that the registry knows as made by opsd is accepted whatever a
   * service did to its mode (`chmod 666 /dev/stdout` is common in container images), and left so while that service may
   * still run. Anything else in its place throws RuntimeError; nothing is followed, nothing changed. When descriptors
   * are used up, throws that error, which passes.
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

  /** Whether the FIFO still has its name, by which the next opsd finds it. */
  isInPlace(): boolean {
    const there = lstatSync(this.path, { throwIfNoEntry: false });
    const ours = fstatSync(this.fd);
    return there?.ino === ours.ino && there.dev === ours.dev;
  }

  /**
   * Opens a blocking file description for a child; the caller closes it. It is opened by descriptor, so that nobody can
   * swap the path. Owner and mode that an earlier run changed are restored, as the new run may have another user.
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

  /** Reading hung: the FIFO is not touched again, nor closed, as that could hang as well. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Returns the number of bytes read; 0: the FIFO is empty, or abandoned. */
  read(into: Buffer, limit = into.length): number {
    if (this.#isAbandoned) return 0;
    try {
      return readSync(this.fd, into, 0, limit, null);
    } catch (error) {
      if (codeOf(error) === 'EAGAIN' || codeOf(error) === 'EINTR') return 0;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (!this.#isAbandoned) closeSync(this.fd);
  }
}

/**
 * Opens for reading and writing by descriptor. A service with the same user as opsd can take the permissions away from
 * both; then they are restored.
 */
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
  if ((Number(found.mode) & 0o077) !== 0) throw refusal(path, 'its mode lets others than its owner use it');
}

function refusal(path: string, why: string): RuntimeError {
  return new RuntimeError(`the output FIFO ${path} cannot be used: ${why}; remove it and start the service again`);
}

/** Errors that pass keep their code; a refusal has none. */
function unusable(path: string, error: unknown): unknown {
  if (error instanceof RuntimeError || isOutOfDescriptors(error)) return error;
  return refusal(path, codeOf(error) || String(error));
}

/** Whether any process has the FIFO open. If none has, it is empty: the kernel then drops the bytes. */
export function hasHolder(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW));
    return true;
  } catch (error) {
    // ENXIO: no reader. Every process that holds a FIFO of opsd for writing holds it for reading, too.
    if (codeOf(error) === 'ENXIO') return false;
    // A service took the permissions away from opsd, and may still run.
    if (codeOf(error) === 'EACCES') return true;
    throw error;
  }
}

/** Removes the file if it is there. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
  }
}
