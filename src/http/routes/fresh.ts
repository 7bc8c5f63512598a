// An answer that costs something, made once for all who ask at nearly the same time.

import type { Millis } from '../../core/model/spec.ts';
import { monotonic } from '../../runtime/clock.ts';

/**
 * Making it may take this share of the time at most, however many ask and whatever happens meanwhile: what took 10 ms
 * serves for 40 ms, also when it is no longer quite true.
 */
const PACE = 4;

interface Made<T> {
  readonly value: T;
  readonly version: number;
  readonly begunAt: Millis;
  /** Until when it serves whatever happens; null: it is being made, and whoever asks waits for it. */
  servesUntil: Millis | null;
}

/** Keeps what `make` gives for `keep` ms, or until the version is another. 0: nothing is kept. */
export class Fresh<T> {
  readonly #make: () => T;
  readonly #keep: Millis;
  readonly #version: () => number;
  #kept: Made<T> | null = null;

  constructor(keep: Millis, version: () => number, make: () => T) {
    this.#make = make;
    this.#keep = keep;
    this.#version = version;
  }

  get(): T {
    if (this.#keep === 0) return this.#make();
    const begunAt = monotonic();
    const kept = this.#kept;
    if (kept !== null && this.#isGood(kept, begunAt)) return kept.value;
    const version = this.#version();
    const value = this.#make();
    const made: Made<T> = { value, version, begunAt, servesUntil: null };
    this.#kept = made;
    const done = () => {
      const now = monotonic();
      made.servesUntil = now + PACE * (now - begunAt);
    };
    if (value instanceof Promise) value.then(done, () => this.#forget(made));
    else done();
    return value;
  }

  #isGood({ version, begunAt, servesUntil }: Made<T>, now: Millis): boolean {
    if (servesUntil === null || now <= servesUntil) return true;
    return now - begunAt <= this.#keep && version === this.#version();
  }

  /** A failure is not kept. */
  #forget(made: Made<T>): void {
    if (this.#kept === made) this.#kept = null;
  }
}
