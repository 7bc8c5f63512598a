// Waits that an AbortSignal ends early.

import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';

/** Resolves after `span`, or as soon as `aborted` is aborted. */
export async function pause(span: Millis, aborted: AbortSignal, clock: Clock): Promise<void> {
  if (aborted.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  using alarm = clock.alarm(resolve);
  alarm.set(span);
  aborted.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}

/** The result of `work`, or null when `aborted` is aborted first. */
export async function orAborted<T>(work: Promise<T>, aborted: AbortSignal): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const stop = () => resolve(null);
  if (aborted.aborted) stop();
  aborted.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    aborted.removeEventListener('abort', stop);
  }
}
