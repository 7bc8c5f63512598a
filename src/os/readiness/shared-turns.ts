// Gives those who read logs their turns: all of them together delay the loop no longer than one of them may.

import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';

/** Between two looks of a reader. */
export const READ_EVERY: Millis = 50;
/** For all readers together in one turn of the event loop. */
const BUDGET: Millis = 20;

/** Reads until `until` at the latest, but at least one line. False: there is more to read. */
type Read = (until: Millis) => boolean;

export class SharedTurns {
  readonly #clock: Clock;
  readonly #readers = new Set<Read>();
  /** Whose turn it is, in this order: a reader that is not finished goes behind all others. */
  readonly #due = new Set<Read>();
  #timer: Disposable | null = null;
  #next: Disposable | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `read` is called every 50 ms, and in between while it is not finished, until this is disposed. */
  join(read: Read): Disposable {
    this.#readers.add(read);
    this.#timer ??= this.#clock.every(READ_EVERY, () => this.#begin());
    return { [Symbol.dispose]: () => this.#leave(read) };
  }

  #begin(): void {
    for (const read of this.#readers) this.#due.add(read);
    if (this.#next === null) this.#takeTurn();
  }

  #takeTurn(): void {
    this.#next = null;
    const until = this.#clock.now() + BUDGET;
    for (const read of this.#due) {
      this.#due.delete(read);
      if (!read(until) && this.#readers.has(read)) this.#due.add(read);
      if (this.#clock.now() >= until) break;
    }
    if (this.#due.size > 0) this.#next = this.#clock.soon(() => this.#takeTurn());
  }

  #leave(read: Read): void {
    this.#readers.delete(read);
    this.#due.delete(read);
    if (this.#readers.size > 0) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    this.#next?.[Symbol.dispose]();
    this.#next = null;
  }
}
