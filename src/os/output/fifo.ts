// The named pipe that a service writes to: its bytes wait there for opsd, whichever opsd that is.

import { spawnSync } from 'node:child_process';
import { closeSync, constants, fchownSync, fstatSync, lstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import { RuntimeError } from '../../errors.ts';
import { codeOf } from '../identity.ts';
import { isOutOfDescriptors } from '../spare-descriptor.ts';

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

/** Open for reading and writing, so that there is always a reader and never an end, whoever comes and goes. */
export class Fifo implements Disposable {
  readonly path: string;
  readonly fd: number;
  readonly uid: number;

  private constructor(path: string, fd: number, uid: number) {
    this.path = path;
    this.fd = fd;
    this.uid = uid;
  }

  /**
   * `uid`: the service's user, who gets the FIFO: opening /dev/stdout opens its inode again, with its rights
   * (EDGE-CASES N18). Throws RuntimeError where something else is in its place; nothing is followed, nothing changed.
   */
  static open(path: string, uid: number): Fifo {
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    } catch (error) {
      // Whether trying again can help is told by its code.
      if (isOutOfDescriptors(error)) throw error;
      const why = codeOf(error) === 'ELOOP' ? 'it is a symlink' : codeOf(error) || String(error);
      throw new RuntimeError(`the output FIFO ${path} cannot be used: ${why}; remove it and start the service again`);
    }
    try {
      takeOver(path, fd, uid);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return new Fifo(path, fd, uid);
  }

  /** Another description, a blocking one, for a child; the caller closes it. By descriptor: nobody can swap the path. */
  openForChild(): number {
    return openSync(`/proc/self/fd/${this.fd}`, constants.O_RDWR);
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

function takeOver(path: string, fd: number, uid: number): void {
  const found = fstatSync(fd);
  const us = process.geteuid?.() ?? 0;
  const refuse = (why: string): never => {
    throw new RuntimeError(`the output FIFO ${path} cannot be used: ${why}; remove it and start the service again`);
  };
  if (!found.isFIFO()) refuse('it is not a FIFO');
  if (found.uid !== us && found.uid !== uid) {
    refuse(`it belongs to uid ${found.uid}, neither to opsd nor to the service's user (uid ${uid})`);
  }
  if ((found.mode & 0o077) !== 0) refuse('others than its owner may use it');
  if (found.uid !== uid) fchownSync(fd, uid, -1);
}

/** Does any process have it open? Without one it is empty: the kernel keeps the bytes only that long. */
export function hasHolder(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW));
    return true;
  } catch (error) {
    // Nobody reads, and whoever holds a FIFO of ours for writing holds it for reading too.
    if (codeOf(error) === 'ENXIO') return false;
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
