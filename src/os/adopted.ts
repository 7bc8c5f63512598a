// Sees the end of main processes that are not our children: one timer for all, and nobody is mistaken for another.

import type { Millis } from '../core/spec.ts';
import { every } from '../runtime/clock.ts';
import type { Identity } from '../runtime/ports.ts';
import { isTaken, lifeOf } from './identity.ts';

const PERIOD: Millis = 250;
/** So many rounds until each was checked by its identity: a zombie, or a number that was used again, for 5 s at most. */
const ROUNDS_PER_CHECK = 20;

export class AdoptedMains implements Disposable {
  readonly #mains = new Map<number, { readonly identity: Identity; readonly onEnd: () => void }>();
  /** Those still to be checked by identity in this cycle. */
  #unchecked: number[] = [];
  #timer: Disposable | null = null;

  add(identity: Identity, onEnd: () => void): void {
    this.#mains.set(identity.pid, { identity, onEnd });
    this.#timer ??= every(PERIOD, () => this.look());
  }

  /** One round; the timer calls it. */
  look(): void {
    const ended = new Set<number>();
    for (const pid of this.#mains.keys()) if (!isTaken(pid)) ended.add(pid);
    if (this.#unchecked.length === 0) this.#unchecked = [...this.#mains.keys()];
    for (const pid of this.#unchecked.splice(-Math.ceil(this.#mains.size / ROUNDS_PER_CHECK))) {
      const main = this.#mains.get(pid);
      if (main && lifeOf(main.identity) === 'gone') ended.add(pid);
    }
    for (const pid of ended) {
      const main = this.#mains.get(pid);
      this.#mains.delete(pid);
      main?.onEnd();
    }
    if (this.#mains.size === 0) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
  }
}
