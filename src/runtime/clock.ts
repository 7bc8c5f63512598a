// The clocks of the host: the only file that reads them.

import type { Millis } from '../core/model/spec.ts';

/** CLOCK_MONOTONIC in milliseconds since boot: the same for every process of this boot, so that state files can have it. */
export function monotonic(): Millis {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The two clocks are read one after the other. A smaller difference comes from that, a larger one means that the wall clock was set. */
const CLOCK_STEP: Millis = 100;
let bootedAt = Date.now() - monotonic();

/** The wall clock's time for a monotonic instant, for display only. The same instant gives the same time. */
export function wallAt(instant: Millis): Date {
  const now = Date.now() - monotonic();
  if (Math.abs(now - bootedAt) > CLOCK_STEP) bootedAt = now;
  return new Date(Math.round(bootedAt + instant));
}

/** Now on the wall clock, for display only. */
export function wallNow(): Date {
  return new Date();
}

/** How long ago a time in ISO 8601 is; NaN if `iso` is not one. For display only. */
export function ago(iso: string): Millis {
  return Date.now() - Date.parse(iso);
}

/** `16:10:00.123`, local, of a time in ISO 8601. Not by Intl: loading its tables takes 20 ms. */
export function timeOfDay(iso: string): string {
  const time = new Date(iso);
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** How long ago `Nov 23 16:10:00.123` is, a local time of the last year as in logs; NaN if `stamp` is not one. */
export function agoOfStamp(stamp: string): Millis {
  const [, day, time] = /^([A-Z][a-z]{2} \d\d) (\d\d:\d\d:\d\d\.\d{3})$/.exec(stamp) ?? [];
  const year = new Date().getFullYear();
  const passed = Date.now() - Date.parse(`${day} ${year} ${time}`);
  // In January, lines of December are of the year before. A time up to a day ahead is of this year: clocks differ.
  return passed > -86_400_000 ? passed : Date.now() - Date.parse(`${day} ${year - 1} ${time}`);
}

/** setTimeout fires at once for 2^31 ms and more (edge case N6); no wait here is longer than this. */
const LONGEST_TIMER: Millis = 2 ** 31 - 1;

/** One timer that can be set again. Disposing it ends it. */
export interface Alarm extends Disposable {
  /** Rings once after `delay`, or after 24.8 days where that is longer; an earlier setting is forgotten. */
  set(delay: Millis): void;
}

/** Time as the composition root hands it in: the host's in opsd, a simulated one in tests. */
export interface Clock {
  /** CLOCK_MONOTONIC in milliseconds since boot. */
  now(): Millis;
  /** Unix time in milliseconds, for schedules. */
  unix(): number;
  /** The wall clock's time for a monotonic instant, for display only. */
  wallAt(instant: Millis): Date;
  alarm(ring: () => void): Alarm;
  /** Calls `task` every `period` until disposed; does not keep the process alive by itself. */
  every(period: Millis, task: () => void): Disposable;
}

class SystemAlarm implements Alarm {
  readonly #ring: () => void;
  #handle: NodeJS.Timeout | null = null;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  set(delay: Millis): void {
    if (this.#handle) clearTimeout(this.#handle);
    this.#handle = setTimeout(this.#ring, Math.min(Math.max(delay, 0), LONGEST_TIMER));
  }

  [Symbol.dispose](): void {
    if (this.#handle) clearTimeout(this.#handle);
    this.#handle = null;
  }
}

export const Alarm: new (ring: () => void) => Alarm = SystemAlarm;

/** Calls `task` every `period` until disposed; does not keep the process alive by itself. */
export function every(period: Millis, task: () => void): Disposable {
  const handle = setInterval(task, Math.min(period, LONGEST_TIMER));
  handle.unref();
  return { [Symbol.dispose]: () => clearInterval(handle) };
}

/** Resolves after `delay`. */
export function after(delay: Millis): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.min(delay, LONGEST_TIMER)));
}

/** Unix time in milliseconds, for schedules. */
export function unixNow(): number {
  return Date.now();
}

export function dateOf(unixMillis: number): Date {
  return new Date(unixMillis);
}

/** The host's clocks. Only a composition root uses this. */
export const systemClock: Clock = {
  now: monotonic,
  unix: unixNow,
  wallAt,
  alarm: (ring) => new SystemAlarm(ring),
  every,
};
