// The last lines of a log file, and what is appended to it afterwards, across rotations.

import type { FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { ServiceLog } from '../../api/logs.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { findSince } from './log-since.ts';

const NEWLINE = 10;
const CHUNK = 64 * 1024;
/** How far back the last lines are searched; if they are longer in total, the first one is cut. */
const LONGEST_TAIL = 4 * 1024 * 1024;
export const MOST_LINES = 10_000;
const LOOK_EVERY: Millis = 200;
/** A reader that takes nothing for this long is dropped. */
const STUCK_LIMIT: Millis = 60_000;

interface Tail {
  /** The offset of its first byte. */
  readonly start: number;
  readonly size: number;
  /** The number of wanted lines that the file does not have. */
  readonly missing: number;
}

async function tailOf(file: FileHandle, lines: number): Promise<Tail> {
  const { size } = await file.stat();
  let start = size;
  let missing = lines;
  while (start > 0 && missing > 0 && size - start < LONGEST_TAIL) {
    const from = Math.max(0, start - CHUNK);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(start - from), 0, start - from, from);
    // The newline that ends the file ends the last line, it does not begin another.
    let at = start === size && buffer[bytesRead - 1] === NEWLINE ? bytesRead - 1 : bytesRead;
    start = from;
    while (missing > 0 && at > 0) {
      at = buffer.lastIndexOf(NEWLINE, at - 1);
      if (at >= 0 && --missing === 0) start = from + at + 1;
    }
  }
  // The first line of the file has no newline before it.
  return { start, size, missing: start > 0 ? 0 : Math.max(0, missing - (size > 0 ? 1 : 0)) };
}

interface LogQuery {
  readonly log: ServiceLog;
  /** Also read the file that was rotated last, for lines that are no longer in the log. */
  readonly isDeep: boolean;
  readonly lines: number;
  /** Unix milliseconds of the oldest line that is wanted; null: of any time. */
  readonly since: number | null;
}

interface Part {
  readonly file: FileHandle;
  readonly start: number;
  readonly end: number;
}

/** The lines of a log that are wanted, found before they are sent. */
export class LogLines implements AsyncDisposable {
  readonly #log: ServiceLog;
  /** null: the file does not exist yet. */
  #current: Part | null = null;
  #rotated: Part | null = null;
  /** null: there is no line. */
  isStamped: boolean | null = null;
  /** Older files may have more lines that are wanted. */
  goesBack = true;
  /** Unix milliseconds of the last line; null: there is no file. */
  writtenAt: number | null = null;

  private constructor(log: ServiceLog) {
    this.#log = log;
  }

  static async find({ log, isDeep, lines, since }: LogQuery): Promise<LogLines> {
    const found = new LogLines(log);
    try {
      await found.#find(isDeep, lines, since);
      return found;
    } catch (error) {
      await found[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #find(isDeep: boolean, lines: number, since: number | null): Promise<void> {
    const file = await this.#log.open();
    let missing = lines;
    if (file !== null) {
      this.#current = { file, start: 0, end: 0 };
      const tail = await tailOf(file, lines);
      this.#current = await this.#limit({ file, start: tail.start, end: tail.size }, since);
      missing = tail.missing;
    }
    if (!isDeep || missing === 0 || !this.goesBack) return;
    const rotated = await this.#log.openRotated();
    if (rotated === null) return;
    this.#rotated = { file: rotated, start: 0, end: 0 };
    // The log was rotated at this moment: the rotated file is the one that is sent anyway.
    if ((await rotated.stat()).ino === (await file?.stat())?.ino) return;
    const tail = await tailOf(rotated, missing);
    this.#rotated = await this.#limit({ file: rotated, start: tail.start, end: tail.size }, since);
  }

  async #limit(part: Part, since: number | null): Promise<Part> {
    this.writtenAt ??= (await part.file.stat()).mtimeMs;
    if (since === null) return part;
    const { at, isReached, isStamped } = await findSince(part.file, part.start, part.end, since);
    if (isStamped !== null) this.isStamped = isStamped || this.isStamped === true;
    if (isReached) this.goesBack = false;
    return { ...part, start: at };
  }

  /** With `follow`, new lines until `to` is closed. The file need not exist yet. */
  async send(to: Writable, follow: boolean, clock: Clock): Promise<void> {
    if (this.#rotated !== null) await copy(this.#rotated.file, this.#rotated.start, this.#rotated.end, to, clock);
    const { start = 0, end = 0 } = this.#current ?? {};
    let at = this.#current === null ? 0 : await copy(this.#current.file, start, end, to, clock);
    if (!follow) return;
    for await (const _ of ticks(to, clock)) {
      const file = this.#current?.file ?? (await this.#log.open());
      if (file === null) continue;
      this.#current = { file, start, end };
      const { size, ino } = await file.stat();
      // The file was truncated in place: all its content is new.
      if (size < at) at = 0;
      at = await copy(file, at, size, to, clock);
      const named = this.#log.inode();
      if (named === null || named === ino) continue;
      // Rotated: the rest of the old file first, then the new one from its start.
      await copy(file, at, (await file.stat()).size, to, clock);
      await file.close();
      this.#current = null;
      at = 0;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current?.file.close();
    await this.#rotated?.file.close();
  }
}

/** Copies chunk by chunk and waits for the reader, so that no more than two chunks are in memory. */
async function copy(file: FileHandle, from: number, to: number, out: Writable, clock: Clock): Promise<number> {
  let at = from;
  while (at < to && !out.destroyed) {
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(Math.min(CHUNK, to - at)),
      0,
      Math.min(CHUNK, to - at),
      at,
    );
    if (bytesRead === 0) break;
    at += bytesRead;
    if (!out.write(buffer.subarray(0, bytesRead))) await drained(out, clock);
  }
  return at;
}

/** Resolves when `out` has room again or is closed; closes it when the reader is stuck for too long. */
async function drained(out: Writable, clock: Clock): Promise<void> {
  const since = clock.now();
  using _stuck = clock.every(1_000, () => {
    if (clock.now() - since > STUCK_LIMIT) out.destroy();
  });
  await new Promise<void>((resolve) => {
    const done = () => {
      out.off('drain', done);
      out.off('close', done);
      resolve();
    };
    out.once('drain', done);
    out.once('close', done);
  });
}

/** Yields every LOOK_EVERY until `out` is closed. */
async function* ticks(out: Writable, clock: Clock): AsyncGenerator<undefined> {
  while (!out.destroyed) {
    yield undefined;
    if (out.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        out.off('close', done);
        timer[Symbol.dispose]();
        resolve();
      };
      const timer = clock.every(LOOK_EVERY, done);
      out.once('close', done);
    });
  }
}
