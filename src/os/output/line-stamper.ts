// Puts a timestamp in front of each line, fast: no strings, one pass, no line kept in memory.

import { TIMESTAMP_LENGTH } from '../own-log/timestamp.ts';

const NEWLINE = 0x0a;
/** Bytes; a longer line is cut, so that endless output without newlines does not become one huge line. */
export const LONGEST_LINE = 65_536;
/** Begins each further piece of a cut line. */
const CONTINUED = Buffer.from('... ');
const PREFIX = TIMESTAMP_LENGTH + 1;

/** Bytes of output for `bytes` of input in the worst case: nothing but newlines. */
export const stampedSize = (bytes: number): number => bytes * (PREFIX + 1) + 2 * (PREFIX + CONTINUED.length + 1);

export class LineStamper {
  /** Length of the line so far; 0: the next byte begins a line. */
  #column: number;
  readonly #prefix = Buffer.alloc(PREFIX, ' ');

  constructor(column = 0) {
    this.#column = column;
  }

  get column(): number {
    return this.#column;
  }

  /**
   * Stamps `from` into `to`, which must have room for `stampedSize(from.length)`; returns the bytes written. `time`:
   * `timestamp()`.
   */
  stamp(from: Buffer, to: Buffer, time: string): number {
    this.#prefix.write(time, 0, TIMESTAMP_LENGTH, 'latin1');
    let at = 0;
    for (let next = 0; next < from.length; ) {
      if (this.#column === 0) at += this.#begin(to, at);
      if (this.#column === LONGEST_LINE && from[next] !== NEWLINE) {
        to[at++] = NEWLINE;
        at += this.#begin(to, at);
        at += CONTINUED.copy(to, at);
        this.#column = 0;
      }
      const newline = from.indexOf(NEWLINE, next);
      const end = newline === -1 ? from.length : newline;
      const isCut = end - next > LONGEST_LINE - this.#column;
      const isWhole = !isCut && newline !== -1;
      const stop = isCut ? next + LONGEST_LINE - this.#column : isWhole ? newline + 1 : end;
      to.set(from.subarray(next, stop), at);
      at += stop - next;
      this.#column = isWhole ? 0 : this.#column + stop - next;
      next = stop;
    }
    return at;
  }

  #begin(to: Buffer, at: number): number {
    to.set(this.#prefix, at);
    return PREFIX;
  }
}
