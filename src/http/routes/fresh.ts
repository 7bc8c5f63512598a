// An answer that costs something, made once for all who ask at nearly the same time.

import type { Millis } from '../../core/model/spec.ts';
import { monotonic } from '../../runtime/clock.ts';

/** Keeps what `make` gave for `keep` ms, or until the version is another. A failure is not kept. */
export class Fresh<T> {
  readonly #make: () => Promise<T> | T;
  readonly #keep: Millis;
  readonly #version: () => number;
  #kept: { readonly value: Promise<T>; readonly version: number; readonly madeAt: Millis } | null = null;

  constructor(keep: Millis, version: () => number, make: () => Promise<T> | T) {
    this.#make = make;
    this.#keep = keep;
    this.#version = version;
  }

  get(): Promise<T> {
    const now = monotonic();
    const version = this.#version();
    const kept = this.#kept;
    if (kept !== null && kept.version === version && now - kept.madeAt <= this.#keep) return kept.value;
    const made = { value: (async () => this.#make())(), version, madeAt: now };
    this.#kept = made;
    made.value.catch(() => {
      if (this.#kept === made) this.#kept = null;
    });
    return made.value;
  }
}
