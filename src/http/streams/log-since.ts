// Finds the first line of a log that is not older than a time, by the timestamps in front of its lines.

import type { FileHandle } from 'node:fs/promises';
import { STAMP_LENGTH, timeOfStamp } from '../../runtime/wall-time.ts';

const NEWLINE = 10;

interface Since {
  /** The offset of the first line that is new enough; `end` where none is. */
  readonly at: number;
  /** A line with a time is older: what is before it need not be looked at. */
  readonly isReached: boolean;
  /** null: there is no line. */
  readonly isStamped: boolean | null;
}

/**
 * Looks from the end back, since a timestamp has no year: that of the last line is that of the file, and each line is not
 * younger than the next. Lines without a time belong to the one before them. `since`: Unix milliseconds.
 */
export async function findSince(file: FileHandle, start: number, end: number, since: number): Promise<Since> {
  if (end <= start) return { at: end, isReached: false, isStamped: null };
  const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
  let latest = (await file.stat()).mtimeMs;
  let at = end;
  let isStamped = false;
  for (let behind = bytesRead; behind > 0; ) {
    // The newline that ends the line does not begin another.
    const newline = behind >= 2 ? buffer.lastIndexOf(NEWLINE, behind - 2) : -1;
    const begin = newline + 1;
    const time = timeOfStamp(buffer.toString('latin1', begin, begin + STAMP_LENGTH), latest);
    if (!Number.isNaN(time)) {
      isStamped = true;
      if (time < since) return { at, isReached: true, isStamped };
      latest = time;
      at = start + begin;
    }
    behind = begin;
  }
  return { at, isReached: false, isStamped };
}
