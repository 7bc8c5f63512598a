// Readiness by a line in the log: reads what one generation appends to its file until a line matches.

import { closeSync, constants, fstatSync, readSync } from 'node:fs';
import type { Millis } from '../../core/model/spec.ts';
import { every } from '../../runtime/clock.ts';
import { findLog } from '../log-file/open-log.ts';
import { lookAt } from '../trust/foreign-path.ts';

/**
 * Read from the file, not on the way to it: output goes there by splice(2), unseen by opsd, and so the file is looked
 * at only while a service starts that asks for it.
 */
const LOOK_EVERY: Millis = 50;
/** Of a longer line only the beginning is matched. */
const LONGEST_LINE = 8_192;
/** Read in one look; a flood is caught up with in the next ones. */
const MOST_AT_ONCE = 1 << 20;
const NEWLINE = 0x0a;
/** What opsd puts in front of lines (log.timestamps): `Nov 23 16:10:00.123 `. */
const STAMP = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\.\d{3} /;
const chunk = Buffer.allocUnsafeSlow(65_536);

/** The place in a file where a generation begins. `ino` 0: there was no file yet. */
export interface Mark {
  readonly ino: number;
  readonly offset: number;
}

export function markEnd(path: string): Mark {
  const found = lookAt(path);
  return found === null ? { ino: 0, offset: 0 } : { ino: found.ino, offset: found.size };
}

interface LogLineOptions {
  readonly path: string;
  /** Of the service's user. */
  readonly uid: number;
  readonly from: Mark;
  readonly pattern: RegExp;
  /** Lines have timestamps of opsd in front, which are not what the service wrote. */
  readonly hasStamps: boolean;
  readonly onMatch: () => void;
}

export class LogLine implements Disposable {
  readonly #options: LogLineOptions;
  readonly #timer: Disposable;
  #file: { readonly fd: number; readonly ino: number } | null = null;
  #offset: number;
  /** The beginning of a line that has not ended yet. */
  #begun: Buffer = Buffer.alloc(0);

  constructor(options: LogLineOptions) {
    this.#options = options;
    this.#offset = options.from.offset;
    this.#timer = every(LOOK_EVERY, () => this.#look());
  }

  #look(): void {
    try {
      this.#file ??= this.#open(this.#options.from);
      if (this.#file === null || this.#readOn(this.#file.fd)) return;
      const found = lookAt(this.#options.path);
      if (found === null || found.ino === this.#file.ino) return;
      // Rotated: all of the old file was read.
      this.#closeFile();
      this.#file = this.#open({ ino: 0, offset: 0 });
    } catch {
      // A disk in trouble: the next look may see more, and readiness has its timeout.
    }
  }

  #open({ ino, offset }: Mark): { fd: number; ino: number } | null {
    using found = findLog(this.#options.path, this.#options.uid);
    if (found === null) return null;
    this.#offset = found.stats.ino === ino ? offset : 0;
    return { fd: found.open(constants.O_RDONLY), ino: found.stats.ino };
  }

  /** True: nothing more is to be done now. */
  #readOn(fd: number): boolean {
    // Emptied in place (copytruncate).
    if (fstatSync(fd).size < this.#offset) this.#offset = 0;
    for (let left = MOST_AT_ONCE; left > 0; ) {
      const length = readSync(fd, chunk, 0, chunk.length, this.#offset);
      if (length === 0) return false;
      this.#offset += length;
      left -= length;
      if (this.#takes(chunk.subarray(0, length))) {
        this[Symbol.dispose]();
        this.#options.onMatch();
        return true;
      }
    }
    return true;
  }

  #takes(bytes: Buffer): boolean {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      this.#append(bytes.subarray(start, end));
      const line = this.#begun;
      this.#begun = Buffer.alloc(0);
      start = end + 1;
      if (this.#matches(line.toString('utf8'))) return true;
    }
    this.#append(bytes.subarray(start));
    return false;
  }

  #append(bytes: Buffer): void {
    const room = LONGEST_LINE - this.#begun.length;
    if (room > 0 && bytes.length > 0) this.#begun = Buffer.concat([this.#begun, bytes.subarray(0, room)]);
  }

  #matches(line: string): boolean {
    const { pattern, hasStamps } = this.#options;
    return pattern.test((hasStamps ? line.replace(STAMP, '') : line).replace(/\r$/, ''));
  }

  #closeFile(): void {
    if (this.#file) closeSync(this.#file.fd);
    this.#file = null;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#closeFile();
  }
}
