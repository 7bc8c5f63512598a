// The last lines of a service's output, read on demand: keeping them in memory would cost time for every byte.

import { closeSync, constants } from 'node:fs';
import { findLog } from './open-log.ts';
import { readEnd } from './read-end.ts';

const MOST_LINES = 50;
const LONGEST_LINE = 4096;
/** Bytes for the most lines of the greatest length. */
const TAIL = MOST_LINES * LONGEST_LINE;

/** The last bytes of a log; empty if there is none or it cannot be read. `uid`: the service's user. */
export function readTail(path: string, uid: number): Buffer {
  try {
    using found = findLog(path, uid);
    if (found === null) return Buffer.alloc(0);
    const { size } = found.stats;
    const fd = found.open(constants.O_RDONLY);
    try {
      return readEnd(fd, size, TAIL);
    } finally {
      closeSync(fd);
    }
  } catch {
    return Buffer.alloc(0);
  }
}

/**
 * At most the last 50 lines, each at most 4 KiB; bytes that are not UTF-8 become U+FFFD. `parts`: in order of time.
 */
export function lastLines(parts: readonly Buffer[]): readonly string[] {
  const bytes = Buffer.concat(parts.map((part) => part.subarray(Math.max(0, part.length - TAIL))));
  const lines: string[] = [];
  let end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
  while (end > 0 && lines.length < MOST_LINES) {
    const start = bytes.lastIndexOf(0x0a, end - 1) + 1;
    lines.push(bytes.toString('utf8', start, Math.min(end, start + LONGEST_LINE)));
    end = start - 1;
  }
  return lines.reverse();
}
