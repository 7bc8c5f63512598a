// Counts durations in buckets, as a Prometheus histogram.

import type { HistogramView } from '../../api/metrics.ts';

export class Durations {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  /** Upper bounds of the buckets in seconds, ascending. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(seconds: number): void {
    this.#sum += seconds;
    this.#count++;
    for (const [place, bound] of this.#bounds.entries()) {
      if (seconds <= bound) this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    }
  }

  view(): HistogramView {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum, count: this.#count };
  }
}
