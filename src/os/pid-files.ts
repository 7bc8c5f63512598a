// `<service>.pid` files: told to others, never believed by opsd when it decides whom to signal.

import { closeSync, constants, lstatSync, openSync, readdirSync, readSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { PidFiles } from '../runtime/ports.ts';
import { codeOf } from './identity.ts';
import type { Log } from './logger.ts';
import { replaceFile } from './replace-file.ts';

const LONGEST = 16;
const PID = /^[1-9][0-9]{0,9}$/;

/** The PID in a file that is one decimal number, with or without a newline; null: anything else, or no such file. */
export function readPid(path: string): number | null {
  const bytes = Buffer.alloc(LONGEST + 1);
  let length = 0;
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      length = readSync(fd, bytes, 0, bytes.length, null);
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
  if (length > LONGEST) return null;
  const text = bytes.toString('latin1', 0, length).replace(/\n$/, '');
  return PID.test(text) ? Number(text) : null;
}

/** One decimal PID and a newline, atomically. Throws as `replaceFile` does. */
export function writePid(path: string, pid: number): void {
  replaceFile(path, `${pid}\n`, 0o644);
}

/** Removes our file, or a symlink in its place. Gives false where there was nothing; throws where it is not ours to remove. */
export function removePid(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return false;
  if (found.uid !== process.geteuid?.()) {
    throw new Error(`it belongs to uid ${found.uid}, not to opsd; remove it by hand`);
  }
  unlinkSync(path);
  return true;
}

/** A PID file that cannot be written costs a line in the log, never a service. */
export class ServicePidFiles implements PidFiles {
  readonly #runDir: string;
  readonly #log: Log;

  constructor(runDir: string, log: Log) {
    this.#runDir = runDir;
    this.#log = log;
  }

  write(service: string, pid: number): void {
    this.#try(service, 'write', (path) => writePid(path, pid));
  }

  remove(service: string): void {
    this.#try(service, 'remove', removePid);
  }

  /** At the start: what is left of services of which nothing lives, configured or not. The run directory is ours alone. */
  sweep(alive: ReadonlySet<string>): void {
    for (const name of readdirSync(this.#runDir)) {
      const service = name.endsWith('.pid') ? name.slice(0, -'.pid'.length) : 'opsd';
      if (service !== 'opsd' && !alive.has(service)) this.remove(service);
    }
  }

  #try(service: string, what: 'write' | 'remove', act: (path: string) => unknown): void {
    const path = join(this.#runDir, `${service}.pid`);
    try {
      act(path);
    } catch (error) {
      if (what === 'remove' && codeOf(error) === 'ENOENT') return;
      const why = error instanceof Error ? error.message : String(error);
      this.#log.warn(`cannot ${what} the PID file; the service is supervised all the same`, { service, path, why });
    }
  }
}
