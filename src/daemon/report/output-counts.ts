// Counts the bytes that each service wrote, and the bytes that were lost.

import type { OutputCounts } from './views.ts';

const NONE: OutputCounts = { bytes: 0, dropped: 0 };

export class OutputCounters {
  readonly #counts = new Map<string, { bytes: number; dropped: number }>();

  wrote(service: string, bytes: number): void {
    this.#of(service).bytes += bytes;
  }

  dropped(service: string, bytes: number): void {
    this.#of(service).dropped += bytes;
  }

  of(service: string): OutputCounts {
    return this.#counts.get(service) ?? NONE;
  }

  /** The service is no longer configured. */
  forget(service: string): void {
    this.#counts.delete(service);
  }

  #of(service: string): { bytes: number; dropped: number } {
    const known = this.#counts.get(service);
    if (known !== undefined) return known;
    const counts = { bytes: 0, dropped: 0 };
    this.#counts.set(service, counts);
    return counts;
  }
}
