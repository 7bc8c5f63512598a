// Time as the composition root hands it in: the host's in opsd, a simulated one in tests.

import type { Millis } from '../core/model/spec.ts';

/** One timer that can be set again. Disposing it ends it. */
export interface Alarm extends Disposable {
  /** Rings once after `delay`, or after 24.8 days where that is longer; an earlier setting is forgotten. */
  set(delay: Millis): void;
}

export interface Clock {
  /** CLOCK_MONOTONIC in milliseconds since boot: the same for every process of this boot, so that state files can have it. */
  now(): Millis;
  /** Unix time in milliseconds, for schedules and for display. */
  unix(): number;
  /** The wall clock's time for a monotonic instant, for display only. The same instant gives the same time. */
  wallAt(instant: Millis): Date;
  alarm(ring: () => void): Alarm;
  /** Calls `task` every `period` until disposed; does not keep the process alive by itself. */
  every(period: Millis, task: () => void): Disposable;
  /** Calls `task` in a later turn of the event loop, after what is ready to be read in this one; not when disposed before. */
  soon(task: () => void): Disposable;
  /** CPU time of this thread so far. */
  cpuTime(): Millis;
  /** Resolves after `delay`. */
  after(delay: Millis): Promise<void>;
}
