// Writes to a slow log in the background: the service waits for its disk, opsd does not.

import { write } from 'node:fs';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { LogFile } from './log-file.ts';

/** Until the next try when the log is a FIFO or terminal that is full. */
const PAUSE: Millis = 50;

/** Limits the background writes of all services: Node has few threads for files, and others need them, too. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async use<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** What a late write needs. */
interface WriterMeans {
  readonly slots: Slots;
  readonly clock: Clock;
}

/** How a write ended. `left`: bytes that were not written, because of `error` or because it was given up. */
export interface Written {
  readonly bytes: number;
  readonly left: number;
  readonly error: NodeJS.ErrnoException | null;
  /** Longest time of a single write(2). */
  readonly longest: Millis;
}

/** Appends `bytes` to the log, however long it takes; gives up between two writes when `isOver`. */
export async function writeLate(
  log: LogFile,
  bytes: Buffer,
  { slots, clock }: WriterMeans,
  isOver: () => boolean,
): Promise<Written> {
  let next = 0;
  let longest: Millis = 0;
  while (next < bytes.length && !isOver()) {
    const began = clock.now();
    const result = await slots.use(() => writeSome(log, bytes, next));
    longest = Math.max(longest, clock.now() - began);
    if (typeof result === 'number') {
      log.grew(result);
      next += result;
    } else if (codeOf(result) === 'EAGAIN') await clock.after(PAUSE);
    else return { bytes: next, left: bytes.length - next, error: result, longest };
  }
  return { bytes: next, left: bytes.length - next, error: null, longest };
}

function writeSome(log: LogFile, bytes: Buffer, from: number): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const position = log.isRegular ? log.end : null;
    write(log.fd, bytes, from, bytes.length - from, position, (error, written) => resolve(error ?? written));
  });
}
