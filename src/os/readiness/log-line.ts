// Readiness by a log line: reads what one generation appends to its log until a line matches.

import { closeSync, constants, fstatSync, readSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { findLog } from '../log-file/open-log.ts';
import { lookAt } from '../trust/foreign-path.ts';

/**
 * The log file is read, not the FIFO: splice(2) moves the output there unseen by opsd. So the file is read only while a
 * service with `ready = "log"` starts.
 */
const READ_EVERY: Millis = 50;
/** Bytes of a line that are matched; the rest of a longer line is ignored. */
const LONGEST_LINE = 8_192;
/** Bytes read at a time; the next reads catch up with a flood. */
const MOST_AT_ONCE = 1 << 20;
const NEWLINE = 0x0a;
/** The timestamp that opsd puts in front of lines (log.timestamps): `Nov 23 16:10:00.123 `. */
const STAMP = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\.\d{3} /;
/** Control characters that no terminal shows, but for tabulators and carriage returns. */
const CONTROLS = /[^\P{Cc}\t\r]/gu;
const chunk = Buffer.allocUnsafeSlow(65_536);

/** The place in a log file where the output of a generation begins. `ino` 0: there was no file yet. */
export interface LogPosition {
  readonly ino: number;
  readonly offset: number;
}

export function markEnd(path: string): LogPosition {
  const found = lookAt(path);
  return found === null ? { ino: 0, offset: 0 } : { ino: found.ino, offset: found.size };
}

interface LogLineOptions {
  readonly path: string;
  /** The user id of the service. */
  readonly uid: number;
  readonly from: LogPosition;
  readonly pattern: RegExp;
  /** Lines begin with timestamps of opsd, which are not the service's output. */
  readonly hasStamps: boolean;
  readonly onMatch: () => void;
  /** Something was written; called once. */
  readonly onFirst: () => void;
  readonly clock: Clock;
}

export class LogLine implements Disposable {
  readonly #options: LogLineOptions;
  readonly #timer: Disposable;
  #file: { readonly fd: number; readonly ino: number } | null = null;
  #offset: number;
  #hasBegun = false;
  /** The beginning of a line whose newline was not read yet. */
  #begun: Buffer = Buffer.alloc(0);
  /** The place in the file at which nothing had been added since the look before; -1: there is none. */
  #quietAt = -1;

  constructor(options: LogLineOptions) {
    this.#options = options;
    this.#offset = options.from.offset;
    this.#timer = options.clock.every(READ_EVERY, () => this.#readNew());
  }

  #readNew(): void {
    try {
      this.#file ??= this.#open(this.#options.from);
      if (this.#file === null || this.#readOn(this.#file.fd) || this.#isPrompt()) return;
      const found = lookAt(this.#options.path);
      if (found === null || found.ino === this.#file.ino) return;
      // The log was rotated, and all of the old file was read.
      this.#closeFile();
      this.#file = this.#open({ ino: 0, offset: 0 });
    } catch {
      // The disk fails: the next read may succeed, and readiness has its timeout.
    }
  }

  #open({ ino, offset }: LogPosition): { fd: number; ino: number } | null {
    using found = findLog(this.#options.path, this.#options.uid);
    if (found === null) return null;
    this.#offset = found.stats.ino === ino ? offset : 0;
    return { fd: found.open(constants.O_RDONLY), ino: found.stats.ino };
  }

  /** True: a line matched, or as much was read as one turn may. */
  #readOn(fd: number): boolean {
    // The log was emptied in place (copytruncate of logrotate).
    if (fstatSync(fd).size < this.#offset) this.#offset = 0;
    for (let left = MOST_AT_ONCE; left > 0; ) {
      const length = readSync(fd, chunk, 0, chunk.length, this.#offset);
      if (length === 0) return false;
      if (!this.#hasBegun) this.#options.onFirst();
      this.#hasBegun = true;
      this.#offset += length;
      left -= length;
      if (this.#takes(chunk.subarray(0, length))) {
        this.#finish();
        return true;
      }
    }
    return true;
  }

  /** Whether a line without a newline, such as a prompt, matches: only once nothing was added to it since the last look. */
  #isPrompt(): boolean {
    const isQuiet = this.#quietAt === this.#offset;
    this.#quietAt = this.#offset;
    if (!isQuiet || this.#begun.length === 0 || !this.#matches(this.#begun.toString('utf8'))) return false;
    this.#finish();
    return true;
  }

  #finish(): void {
    this[Symbol.dispose]();
    this.#options.onMatch();
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

  /** The line as it is, without what a terminal does not show, or what it shows after one of its carriage returns. */
  #matches(line: string): boolean {
    const { pattern, hasStamps } = this.#options;
    const own = (hasStamps ? line.replace(STAMP, '') : line).replace(/\r$/, '');
    if (pattern.test(own)) return true;
    const shown = stripVTControlCharacters(own).replace(CONTROLS, '').replace(/\r+$/, '');
    if (shown !== own && pattern.test(shown)) return true;
    return shown.includes('\r') && shown.split('\r').some((part) => pattern.test(part));
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
