// Waiting for a thing instead of for a time.

import { setTimeout as pause } from 'node:timers/promises';

/** Asks `probe` until it gives something, every few milliseconds; fails with `what` after `limitMs`. */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | false | null | Promise<T | undefined | false | null>,
  limitMs = 10_000,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false && found !== null) return found;
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain for: ${what}`);
    await pause(5);
  }
}
