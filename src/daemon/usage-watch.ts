// CPU and memory of all services, asked for every few seconds with one call for all of them.

import type { State } from '../core/model.ts';
import type { Millis } from '../core/spec.ts';
import { type Usage, UsageSampler } from '../os/usage.ts';
import { every } from '../runtime/clock.ts';

const PERIOD: Millis = 5_000;

export class UsageWatch implements Disposable {
  #last: ReadonlyMap<number, Usage> = new Map();
  readonly #state: () => State;
  readonly #sampler = new UsageSampler();
  readonly #timer = every(PERIOD, () => void this.#sample());

  constructor(state: () => State) {
    this.#state = state;
  }

  of(pid: number): Usage | undefined {
    return this.#last.get(pid);
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  async #sample(): Promise<void> {
    const pids: number[] = [];
    for (const { state } of this.#state().services) {
      if ('run' in state && state.run.pid !== null) pids.push(state.run.pid);
    }
    try {
      this.#last = await this.#sampler.sample(pids);
    } catch {
      // No descriptor is left to read /proc with, or to load what reads it. Figures of a moment ago are better than no opsd.
    }
  }
}
