// How long to wait before the next start, and the seeded randomness that spreads it.

import type { Backoff, Millis } from '../model/spec.ts';

/**
 * The delay before restart `attempt` in a row (1, 2, 3 ...): min(initial × factor^(attempt-1), max), spread by ± jitter.
 * `random` is in [0, 1).
 */
export function delayBefore(attempt: number, backoff: Backoff, random: number): Millis {
  // After some thousand attempts the power is infinite, and 0 × ∞ is not a number.
  const power = Math.min(backoff.factor ** Math.max(0, attempt - 1), Number.MAX_SAFE_INTEGER);
  const capped = Math.min(backoff.initial * power, backoff.max);
  return capped * (1 + backoff.jitter * (2 * random - 1));
}

/** mulberry32: the next seed, and a number in [0, 1) made from it. */
export function draw(seed: number): { readonly seed: number; readonly random: number } {
  const next = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(next ^ (next >>> 15), 1 | next);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return { seed: next, random: ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 };
}
