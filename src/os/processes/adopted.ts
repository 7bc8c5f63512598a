// Sees the end of main processes that are not our children: one timer for all, and nobody is mistaken for another.

import type { Millis } from '../../core/model/spec.ts';
import { Alarm, every } from '../../runtime/clock.ts';
import type { Identity } from '../../runtime/ports.ts';
import { isTaken, lifeOf } from '../proc/identity.ts';

const PERIOD: Millis = 250;
/** So many rounds until each was checked by its identity: a zombie, or a number that was used again, for 5 s at most. */
const ROUNDS_PER_CHECK = 20;
/** What was signalled is mostly gone a few milliseconds later; what is not by then takes its time. */
const FIRST_WAIT: Millis = 4;
const WAIT_GROWTH = 1.6;

export class AdoptedMains implements Disposable {
  readonly #mains = new Map<number, { readonly identity: Identity; readonly onEnd: () => void }>();
  /** Those still to be checked by identity in this cycle. */
  #unchecked: number[] = [];
  #timer: Disposable | null = null;
  /** Those that were signalled a moment ago. */
  readonly #awaited = new Set<number>();
  #wait: Millis = FIRST_WAIT;
  readonly #alarm = new Alarm(() => this.#lookAtAwaited());

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
      if (this.#isGone(pid)) ended.add(pid);
    }
    this.#end(ended);
  }

  /** It was signalled: looked at in a few milliseconds, then more and more seldom, until the rounds will do. */
  expect(pid: number): void {
    if (!this.#mains.has(pid)) return;
    this.#awaited.add(pid);
    this.#wait = FIRST_WAIT;
    this.#alarm.set(this.#wait);
  }

  #lookAtAwaited(): void {
    this.#end([...this.#awaited].filter((pid) => this.#isGone(pid)));
    this.#wait *= WAIT_GROWTH;
    if (this.#wait > PERIOD) this.#awaited.clear();
    else if (this.#awaited.size > 0) this.#alarm.set(this.#wait);
  }

  #isGone(pid: number): boolean {
    const main = this.#mains.get(pid);
    return main !== undefined && lifeOf(main.identity) === 'gone';
  }

  #end(pids: Iterable<number>): void {
    for (const pid of pids) {
      const main = this.#mains.get(pid);
      this.#mains.delete(pid);
      this.#awaited.delete(pid);
      main?.onEnd();
    }
    if (this.#mains.size === 0) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    this.#alarm[Symbol.dispose]();
  }
}
