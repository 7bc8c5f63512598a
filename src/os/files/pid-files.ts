// The `<service>.pid` files: written for others, never trusted by opsd when it signals.

import { closeSync, constants, lstatSync, openSync, readdirSync, readSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { PidFiles } from '../../runtime/ports.ts';
import type { Log } from '../own-log/logger.ts';
import { replaceFile } from './replace-file.ts';

const LONGEST = 16;
const PID = /^[1-9][0-9]{0,9}$/;
/** How often a PID file that could not be written is tried again. */
const RETRY_EVERY: Millis = 5_000;

/** Reads a file of one decimal number, with or without a newline; null: anything else, or no such file. */
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

/** Writes one decimal PID and a newline, atomically. Throws as `replaceFile` does. */
export function writePid(path: string, pid: number): void {
  replaceFile(path, `${pid}\n`, 0o644);
}

/**
 * Removes opsd's PID file, or a symlink in its place. False: there was none. Throws when the file belongs to another
 * user.
 */
export function removePid(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return false;
  if (found.uid !== process.geteuid?.()) {
    throw new Error(`it belongs to uid ${found.uid}, not to opsd; remove it by hand`);
  }
  unlinkSync(path);
  return true;
}

/**
 * Writes and removes the PID files of services. A failure is logged and tried again, and has no effect on the service.
 */
export class ServicePidFiles implements PidFiles, Disposable {
  readonly #runDir: string;
  readonly #log: Log;
  /** PIDs, by service, whose file could not be written. */
  readonly #missing = new Map<string, number>();
  #retries: Disposable | null = null;

  readonly #clock: Clock;
  readonly #retryEvery: Millis;

  constructor(runDir: string, log: Log, clock: Clock, retryEvery: Millis = RETRY_EVERY) {
    this.#runDir = runDir;
    this.#log = log;
    this.#clock = clock;
    this.#retryEvery = retryEvery;
  }

  write(service: string, pid: number): void {
    this.#missing.delete(service);
    try {
      writePid(this.#pathOf(service), pid);
    } catch (error) {
      this.#complain('write', service, error);
      this.#missing.set(service, pid);
      this.#retries ??= this.#clock.every(this.#retryEvery, () => this.#retry());
    }
  }

  remove(service: string): void {
    this.#missing.delete(service);
    try {
      removePid(this.#pathOf(service));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#complain('remove', service, error);
    }
  }

  /**
   * At the start of opsd: removes the PID files of services without a living process, configured or not. The run
   * directory belongs to opsd alone.
   */
  sweep(alive: ReadonlySet<string>): void {
    for (const name of readdirSync(this.#runDir)) {
      const service = name.endsWith('.pid') ? name.slice(0, -'.pid'.length) : 'opsd';
      if (service !== 'opsd' && !alive.has(service)) this.remove(service);
    }
  }

  #retry(): void {
    for (const [service, pid] of this.#missing) {
      try {
        writePid(this.#pathOf(service), pid);
      } catch {
        // Logged before.
        continue;
      }
      this.#missing.delete(service);
      this.#log.info('the PID file can be written again', { service, path: this.#pathOf(service) });
    }
    if (this.#missing.size === 0) this[Symbol.dispose]();
  }

  #complain(what: 'write' | 'remove', service: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    const path = this.#pathOf(service);
    this.#log.warn(`cannot ${what} the PID file; the service is supervised all the same`, { service, path, why });
  }

  #pathOf = (service: string): string => join(this.#runDir, `${service}.pid`);

  [Symbol.dispose](): void {
    this.#retries?.[Symbol.dispose]();
    this.#retries = null;
  }
}
