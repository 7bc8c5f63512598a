// Waits that an AbortSignal ends early.

import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';

/** Resolves after `span`, or as soon as `enough` is aborted. */
export async function pause(span: Millis, enough: AbortSignal, clock: Clock): Promise<void> {
  if (enough.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  using alarm = clock.alarm(resolve);
  alarm.set(span);
  enough.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}

/** The result of `work`, or null when `enough` is aborted first. */
export async function orEnough<T>(work: Promise<T>, enough: AbortSignal): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const stop = () => resolve(null);
  if (enough.aborted) stop();
  enough.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    enough.removeEventListener('abort', stop);
  }
}
