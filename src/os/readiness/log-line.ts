// Readiness by a log line: reads what one generation appends to its log until a line matches.

import { closeSync, constants, fstatSync, readSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { findLog } from '../log-file/open-log.ts';
import { lookAt } from '../trust/foreign-path.ts';
import { READ_EVERY, type SharedTurns } from './shared-turns.ts';

/** Bytes of a line that are matched; the rest of a longer line is ignored. */
const LONGEST_LINE = 8_192;
const NEWLINE = 0x0a;
/** The timestamp that opsd puts in front of lines (log.timestamps): `Nov 23 16:10:00.123 `. */
const STAMP = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\.\d{3} /;
/** Control characters that no terminal shows, but for tabulators and carriage returns. */
const CONTROLS = /[^\P{Cc}\t\r]/gu;
/** What a terminal shows as it is. */
const PLAIN = /^[ -~]*$/;
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
  readonly clock: Pick<Clock, 'now'>;
  readonly turns: SharedTurns;
}

/**
 * The log file is read, not the FIFO: splice(2) moves the output there unseen by opsd. So the file is read only while a
 * service with `ready = "log"` starts.
 */
export class LogLine implements Disposable {
  readonly #options: LogLineOptions;
  readonly #turns: Disposable;
  readonly #matchesEmpty: boolean;
  #file: { readonly fd: number; readonly ino: number } | null = null;
  #offset: number;
  #hasBegun = false;
  /** The beginning of a line whose newline was not read yet. */
  #begun: Buffer = Buffer.alloc(0);
  /** The end of the file as it was looked at last, and since when; -1: it was not. */
  #end = { offset: -1, since: 0 };

  constructor(options: LogLineOptions) {
    this.#options = options;
    this.#offset = options.from.offset;
    this.#matchesEmpty = options.pattern.test('');
    this.#turns = options.turns.join((until) => this.#readNew(until));
  }

  /** False: there is more to read. */
  #readNew(until: Millis): boolean {
    try {
      this.#file ??= this.#open(this.#options.from);
      if (this.#file === null) return true;
      const read = this.#readOn(this.#file.fd, until);
      if (read === 'part') return false;
      if (read === 'match' || this.#isPrompt()) return true;
      const found = lookAt(this.#options.path);
      if (found === null || found.ino === this.#file.ino) return true;
      // The log was rotated, and all of the old file was read.
      this.#closeFile();
      this.#file = this.#open({ ino: 0, offset: 0 });
      return this.#file === null;
    } catch {
      // The disk fails: the next read may succeed, and readiness has its timeout.
      return true;
    }
  }

  #open({ ino, offset }: LogPosition): { fd: number; ino: number } | null {
    using found = findLog(this.#options.path, this.#options.uid);
    if (found === null) return null;
    this.#offset = found.stats.ino === ino ? offset : 0;
    return { fd: found.open(constants.O_RDONLY), ino: found.stats.ino };
  }

  #readOn(fd: number, until: Millis): 'all' | 'part' | 'match' {
    // The log was emptied in place (copytruncate of logrotate).
    if (fstatSync(fd).size < this.#offset) this.#offset = 0;
    for (;;) {
      const length = readSync(fd, chunk, 0, chunk.length, this.#offset);
      if (length === 0) return 'all';
      if (!this.#hasBegun) this.#options.onFirst();
      this.#hasBegun = true;
      if (this.#takes(chunk.subarray(0, length), until)) {
        this.#finish();
        return 'match';
      }
      if (this.#options.clock.now() >= until) return 'part';
    }
  }

  /** Whether a line without a newline, such as a prompt, matches: only once nothing was added to it for a while. */
  #isPrompt(): boolean {
    const now = this.#options.clock.now();
    if (this.#end.offset !== this.#offset) this.#end = { offset: this.#offset, since: now };
    // The turns of two looks are not exactly as far apart as the looks.
    const isQuiet = now - this.#end.since >= READ_EVERY / 2;
    if (!isQuiet || this.#begun.length === 0 || !this.#matches(this.#begun.toString('utf8'))) return false;
    this.#finish();
    return true;
  }

  #finish(): void {
    this[Symbol.dispose]();
    this.#options.onMatch();
  }

  /** True: a line matched. What it did not come to until `until` is read again in a later turn. */
  #takes(bytes: Buffer, until: Millis): boolean {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      const line = this.#lineUpTo(bytes.subarray(start, end));
      start = end + 1;
      if (this.#matches(line)) return true;
      while (bytes[start] === NEWLINE && !this.#matchesEmpty) start += 1;
      if (this.#options.clock.now() < until) continue;
      this.#offset += start;
      return false;
    }
    this.#append(bytes.subarray(start));
    this.#offset += bytes.length;
    return false;
  }

  #lineUpTo(bytes: Buffer): string {
    if (this.#begun.length === 0) return bytes.toString('utf8', 0, LONGEST_LINE);
    this.#append(bytes);
    const line = this.#begun.toString('utf8');
    this.#begun = Buffer.alloc(0);
    return line;
  }

  #append(bytes: Buffer): void {
    const room = LONGEST_LINE - this.#begun.length;
    if (room > 0 && bytes.length > 0) this.#begun = Buffer.concat([this.#begun, bytes.subarray(0, room)]);
  }

  /** The line as it is, without what a terminal does not show, or what it shows after one of its carriage returns. */
  #matches(line: string): boolean {
    const { pattern, hasStamps } = this.#options;
    const bare = hasStamps ? line.replace(STAMP, '') : line;
    const own = bare.endsWith('\r') ? bare.slice(0, -1) : bare;
    if (own === '') return this.#matchesEmpty;
    if (pattern.test(own)) return true;
    if (PLAIN.test(own)) return false;
    const shown = stripVTControlCharacters(own).replace(CONTROLS, '').replace(/\r+$/, '');
    if (shown !== own && pattern.test(shown)) return true;
    return shown.includes('\r') && shown.split('\r').some((part) => pattern.test(part));
  }

  #closeFile(): void {
    if (this.#file) closeSync(this.#file.fd);
    this.#file = null;
  }

  [Symbol.dispose](): void {
    this.#turns[Symbol.dispose]();
    this.#closeFile();
  }
}
