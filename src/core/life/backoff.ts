// How long to wait before the next start, and the seeded randomness that spreads it.

import type { Backoff, Millis, Policy } from '../model/spec.ts';

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

/** The first pause of a service that had too many failures: what it needs may be back in a moment. */
const FIRST_PAUSE: Millis = 3_000;
/** Each further pause is this many times longer. */
const GROWTH = 2;

/** The pause `pause` in a row (1, 2, 3 ...) after too many failures: from some seconds to `retry_failed`. */
export function pauseBefore(pause: number, { backoff, retryFailed }: Policy, random: number): Millis {
  const initial = Math.max(FIRST_PAUSE, GROWTH * backoff.max);
  const grown = delayBefore(pause, { initial, factor: GROWTH, max: retryFailed, jitter: backoff.jitter }, random);
  return Math.min(grown, retryFailed);
}

/** Whether pauses do not grow any more from this one on. */
export function isLongestPause(pause: number, { backoff, retryFailed }: Policy): boolean {
  return Math.max(FIRST_PAUSE, GROWTH * backoff.max) * GROWTH ** (pause - 1) >= retryFailed;
}

/** mulberry32: the next seed, and a number in [0, 1) made from it. */
export function draw(seed: number): { readonly seed: number; readonly random: number } {
  const next = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(next ^ (next >>> 15), 1 | next);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return { seed: next, random: ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 };
}
