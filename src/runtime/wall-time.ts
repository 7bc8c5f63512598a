// Times of the wall clock as texts and dates: what was told, not what time it is.

import type { Millis } from '../core/model/spec.ts';

export function dateOf(unixMillis: number): Date {
  return new Date(unixMillis);
}

/** How long ago a time in ISO 8601 is; NaN if `iso` is not one. `now`: Unix milliseconds. */
export function ago(iso: string, now: number): Millis {
  return now - Date.parse(iso);
}

/** `16:10:00.123`, local, of a time in ISO 8601. Not by Intl: loading its tables takes 20 ms. */
export function timeOfDay(iso: string): string {
  const time = new Date(iso);
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/**
 * How long ago `Nov 23 16:10:00.123` is, a local time of the last year as in logs; NaN if `stamp` is not one.
 * `now`: Unix milliseconds.
 */
export function agoOfStamp(stamp: string, now: number): Millis {
  const [, day, time] = /^([A-Z][a-z]{2} \d\d) (\d\d:\d\d:\d\d\.\d{3})$/.exec(stamp) ?? [];
  const year = new Date(now).getFullYear();
  const passed = now - Date.parse(`${day} ${year} ${time}`);
  // In January, lines of December are of the year before. A time up to a day ahead is of this year: clocks differ.
  return passed > -86_400_000 ? passed : now - Date.parse(`${day} ${year - 1} ${time}`);
}
