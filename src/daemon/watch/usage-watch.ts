// CPU and memory of all services, sampled every few seconds with one call.

import type { Millis } from '../../core/model/spec.ts';
import type { State } from '../../core/model/state.ts';
import { type ProcessUsage, UsageSampler } from '../../os/proc/usage.ts';
import type { Clock } from '../../runtime/clock.ts';

const PERIOD: Millis = 5_000;
/**
 * If no usage was asked for in this time, only each third sample is taken: sampling is most of the work of an idle
 * opsd.
 */
const INTEREST: Millis = 60_000;
const SELDOM = 3;

export class UsageWatch implements Disposable {
  #last: ReadonlyMap<number, ProcessUsage> = new Map();
  readonly #state: () => State;
  readonly #clock: Clock;
  readonly #sampler: UsageSampler;
  readonly #timer: Disposable;
  #askedAt = Number.NEGATIVE_INFINITY;
  #turns = 0;

  constructor(state: () => State, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
    this.#sampler = new UsageSampler(clock);
    this.#timer = clock.every(PERIOD, () => this.#turn());
  }

  of(pid: number): ProcessUsage | undefined {
    this.#askedAt = this.#clock.now();
    return this.#last.get(pid);
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #turn(): void {
    this.#turns += 1;
    if (this.#clock.now() - this.#askedAt < INTEREST || this.#turns % SELDOM === 1) void this.#sample();
  }

  async #sample(): Promise<void> {
    const pids: number[] = [];
    for (const { state } of this.#state().services) {
      if ('run' in state && state.run.pid !== null) pids.push(state.run.pid);
    }
    try {
      this.#last = await this.#sampler.sample(pids);
    } catch {
      // No descriptor is left for /proc, or for loading pidusage. The last usage remains.
    }
  }
}
