// The last lines of a log file, and what is appended to it afterwards, across rotations.

import type { FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { ServiceLog } from '../../api/logs.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';

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

/** Writes the last `lines` lines of `file` to `to`. Returns the offset behind them. */
export async function writeTail(file: FileHandle, lines: number, to: Writable, clock: Clock): Promise<number> {
  const { start, size } = await tailOf(file, lines);
  return copy(file, start, size, to, clock);
}

interface LogQuery {
  readonly log: ServiceLog;
  /** Also read the file that was rotated last, for lines that are no longer in the log. */
  readonly isDeep: boolean;
  readonly lines: number;
  readonly follow: boolean;
}

/** Sends the last lines of the log and, with `follow`, new ones until `to` is closed. The file need not exist yet. */
export async function sendLog({ log, isDeep, lines, follow }: LogQuery, to: Writable, clock: Clock): Promise<void> {
  let file = await log.open();
  try {
    const tail = file === null ? { start: 0, size: 0, missing: lines } : await tailOf(file, lines);
    if (isDeep && tail.missing > 0) await writeRotated(log, tail.missing, file, to, clock);
    let at = file === null ? 0 : await copy(file, tail.start, tail.size, to, clock);
    if (!follow) return;
    for await (const _ of ticks(to, clock)) {
      file ??= await log.open();
      if (file === null) continue;
      const { size, ino } = await file.stat();
      // The file was truncated in place: all its content is new.
      if (size < at) at = 0;
      at = await copy(file, at, size, to, clock);
      const named = log.inode();
      if (named === null || named === ino) continue;
      // Rotated: the rest of the old file first, then the new one from its start.
      at = await copy(file, at, (await file.stat()).size, to, clock);
      await file.close();
      file = await log.open();
      at = 0;
    }
  } finally {
    await file?.close();
  }
}

async function writeRotated(
  log: ServiceLog,
  lines: number,
  current: FileHandle | null,
  to: Writable,
  clock: Clock,
): Promise<void> {
  const rotated = await log.openRotated();
  try {
    // The log was rotated at this moment: the rotated file is the one that is sent anyway.
    const isCurrent = (await rotated?.stat())?.ino === (await current?.stat())?.ino;
    if (rotated !== null && !isCurrent) await writeTail(rotated, lines, to, clock);
  } finally {
    await rotated?.close();
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
