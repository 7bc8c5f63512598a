// Enforces `limits.memory` if no cgroup does: checks every few seconds, and has services restarted that exceed it.

import type { Event } from '../../core/model/events.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Run, Service, State } from '../../core/model/state.ts';
import type { Clock } from '../../runtime/clock.ts';

const PERIOD: Millis = 5_000;
const MIB = 1 << 20;

interface Watched {
  readonly service: string;
  readonly generation: number;
  /** Bytes. */
  readonly limit: number;
}

interface MemoryWatchOptions {
  readonly state: () => State;
  /** Bytes of these generations by `keyOf`; null: unknown now. Not called when there are none. */
  readonly measure: (generations: readonly Watched[]) => Promise<ReadonlyMap<string, number> | null>;
  readonly keyOf: (service: string, generation: number) => string;
  /** Whether the kernel enforces the limit of this generation. */
  readonly isHeld: (service: string, generation: number) => boolean;
  readonly post: (event: Event) => void;
  readonly period?: Millis;
  readonly clock: Clock;
}

export class MemoryWatch implements Disposable {
  readonly #options: MemoryWatchOptions;
  readonly #timer: Disposable;
  #isLooking = false;
  #isOver = false;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
    this.#timer = options.clock.every(options.period ?? PERIOD, () => void this.#look());
  }

  async #look(): Promise<void> {
    const watched = this.#options.state().services.flatMap((service) => this.#watched(service));
    if (watched.length === 0 || this.#isLooking) return;
    this.#isLooking = true;
    const sizes = await this.#options.measure(watched);
    this.#isLooking = false;
    if (this.#isOver) return;
    for (const { service, generation, limit } of watched) {
      const bytes = sizes?.get(this.#options.keyOf(service, generation)) ?? 0;
      if (bytes <= limit) continue;
      const detail = `its processes use ${Math.ceil(bytes / MIB)} MiB (PSS), limits.memory is ${Math.round(limit / MIB)} MiB`;
      this.#options.post({ type: 'memory_exceeded', service, generation, detail });
    }
  }

  #watched({ spec, state }: Service): Watched[] {
    const limit = spec.launch.limits.memory;
    const run: Run | null = state.name === 'starting' || state.name === 'running' ? state.run : null;
    if (limit === null || run === null || this.#options.isHeld(spec.name, run.generation)) return [];
    return [{ service: spec.name, generation: run.generation, limit }];
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#timer[Symbol.dispose]();
  }
}
