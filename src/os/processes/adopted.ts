// Watches the main processes that an earlier opsd started: they are not our children, so no SIGCHLD reports their end.

import type { Millis } from '../../core/model/spec.ts';
import type { Alarm, Clock } from '../../runtime/clock.ts';
import type { Identity } from '../../runtime/ports.ts';
import { lifeOf, ticksNow } from '../proc/identity.ts';
import { isTaken } from '../proc/signals.ts';

const PERIOD: Millis = 250;
/**
 * Rounds until the identity of each process was checked once. A zombie, or a PID that the kernel has reused, is taken
 * for the main process for 5 s at most.
 */
const ROUNDS_PER_CHECK = 20;
/** Most processes are gone a few milliseconds after a signal; those that are not then usually take long. */
const FIRST_WAIT: Millis = 4;
const WAIT_GROWTH = 1.6;

interface AdoptedMain {
  readonly identity: Identity;
  /** The process still held its PID at this time (`ticksNow`). */
  onAlive(ticks: number): void;
  onEnd(): void;
}

export class AdoptedMains implements Disposable {
  readonly #mains = new Map<number, AdoptedMain>();
  /** PIDs whose identity is still to be checked in this cycle. */
  #unchecked: number[] = [];
  #timer: Disposable | null = null;
  /** PIDs that were signalled a moment ago. */
  readonly #awaited = new Set<number>();
  #wait: Millis = FIRST_WAIT;
  readonly #clock: Clock;
  readonly #alarm: Alarm;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#alarm = clock.alarm(() => this.#checkAwaited());
  }

  add(main: AdoptedMain): void {
    this.#mains.set(main.identity.pid, main);
    this.#timer ??= this.#clock.every(PERIOD, () => this.check());
  }

  /** One round; the timer calls it. */
  check(): void {
    const ended = new Set<number>();
    for (const pid of this.#mains.keys()) if (!isTaken(pid)) ended.add(pid);
    if (this.#unchecked.length === 0) this.#unchecked = [...this.#mains.keys()];
    const next = this.#unchecked.splice(-Math.ceil(this.#mains.size / ROUNDS_PER_CHECK));
    for (const pid of this.#findGone(next)) ended.add(pid);
    this.#end(ended);
  }

  /**
   * The process was signalled: check it in a few milliseconds, then ever less often, until the rounds of the timer
   * suffice.
   */
  expectExit(pid: number): void {
    if (!this.#mains.has(pid)) return;
    this.#awaited.add(pid);
    this.#wait = FIRST_WAIT;
    this.#alarm.set(this.#wait);
  }

  #checkAwaited(): void {
    this.#end(this.#findGone([...this.#awaited]));
    this.#wait *= WAIT_GROWTH;
    if (this.#wait > PERIOD) this.#awaited.clear();
    else if (this.#awaited.size > 0) this.#alarm.set(this.#wait);
  }

  #findGone(pids: readonly number[]): readonly number[] {
    const now = ticksNow();
    return pids.filter((pid) => {
      const main = this.#mains.get(pid);
      const life = main && lifeOf(main.identity);
      if (life === 'alive') main?.onAlive(now);
      return life === 'gone';
    });
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
