// An expensive answer, made once for all clients that ask at nearly the same time.

import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';

/**
 * An answer is reused for this many times as long as making it took, even after the state has changed: opsd then spends
 * at most a fifth of its time on it, however many clients ask.
 */
const PACE = 4;

interface Made<T> {
  readonly value: T;
  readonly version: number;
  readonly begunAt: Millis;
  /** The answer is reused until then even if the state changes; null: it is still being made, and clients wait for it. */
  servesUntil: Millis | null;
}

/** Reuses the result of `make` for `keep` ms, or until the version changes. 0: never reuses it. */
export class Fresh<T> {
  readonly #make: () => T;
  readonly #keep: Millis;
  readonly #version: () => number;
  readonly #clock: Pick<Clock, 'now'>;
  #kept: Made<T> | null = null;

  constructor(keep: Millis, version: () => number, make: () => T, clock: Pick<Clock, 'now'>) {
    this.#make = make;
    this.#keep = keep;
    this.#version = version;
    this.#clock = clock;
  }

  get(): T {
    if (this.#keep === 0) return this.#make();
    const begunAt = this.#clock.now();
    const kept = this.#kept;
    if (kept !== null && this.#isGood(kept, begunAt)) return kept.value;
    const version = this.#version();
    const value = this.#make();
    const made: Made<T> = { value, version, begunAt, servesUntil: null };
    this.#kept = made;
    const done = () => {
      const now = this.#clock.now();
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

  /** A failed answer is not reused. */
  #forget(made: Made<T>): void {
    if (this.#kept === made) this.#kept = null;
  }
}
