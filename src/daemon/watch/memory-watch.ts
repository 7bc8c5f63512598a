// Enforces `limits.memory` if no cgroup does: looks every few seconds, and has services restarted that stay above it.

import type { Event } from '../../core/model/events.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Run, Service, State } from '../../core/model/state.ts';
import type { Clock } from '../../runtime/clock.ts';

const PERIOD: Millis = 5_000;
const MIB = 1 << 20;
/** Weight of the last look in the share of looks that were above the limit (an EWMA). */
const WEIGHT = 1 / 2;
/** Above that share the limit is exceeded: three looks in a row, or most of many. One look is no proof. */
const MOST = 0.8;

interface WatchedMemory {
  readonly service: string;
  readonly generation: number;
  /** Bytes. */
  readonly limit: number;
}

interface MemoryWatchOptions {
  readonly state: () => State;
  /** Bytes of these generations by `keyOf`; null: unknown now. Not called when there are none. */
  readonly measure: (generations: readonly WatchedMemory[]) => Promise<ReadonlyMap<string, number> | null>;
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
  /** Of each generation by `keyOf`: the share of looks that were above its limit. */
  #shares: ReadonlyMap<string, number> = new Map();
  #isLooking = false;
  #isOver = false;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
    this.#timer = options.clock.every(options.period ?? PERIOD, () => void this.#look());
  }

  async #look(): Promise<void> {
    const watched = this.#options.state().services.flatMap((service) => this.#watched(service));
    if (this.#isLooking) return;
    if (watched.length === 0) {
      this.#shares = new Map();
      return;
    }
    this.#isLooking = true;
    const sizes = await this.#options.measure(watched);
    this.#isLooking = false;
    if (this.#isOver) return;
    if (sizes === null) return;
    const shares = new Map<string, number>();
    for (const { service, generation, limit } of watched) {
      const key = this.#options.keyOf(service, generation);
      const bytes = sizes.get(key) ?? 0;
      const share = (this.#shares.get(key) ?? 0) * (1 - WEIGHT) + (bytes > limit ? WEIGHT : 0);
      shares.set(key, share);
      if (bytes <= limit || share <= MOST) continue;
      const detail = `its processes use ${Math.ceil(bytes / MIB)} MiB (PSS) again and again, limits.memory is ${Math.round(limit / MIB)} MiB`;
      this.#options.post({ type: 'memory_exceeded', service, generation, detail });
    }
    this.#shares = shares;
  }

  #watched({ spec, state }: Service): WatchedMemory[] {
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
