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

/** The length of a timestamp in front of a line. */
export const STAMP_LENGTH = 'Nov 23 16:10:00.123'.length;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAY = 86_400_000;
/** The 29th of February comes every eighth year at least. */
const MOST_YEARS = 8;

/**
 * Unix milliseconds of `Nov 23 16:10:00.123`, a local time as in logs, in the year that puts it at `latest` or before, or up
 * to a day later: clocks are set back. NaN if `stamp` is not one. `zone`: UTC for comparisons in another zone than that of
 * the log.
 */
export function timeOfStamp(stamp: string, latest: number, zone: 'local' | 'utc' = 'local'): number {
  const [, name = '', ...digits] = /^([A-Z][a-z]{2}) (\d\d) (\d\d):(\d\d):(\d\d)\.(\d{3})$/.exec(stamp) ?? [];
  const month = MONTHS.indexOf(name);
  if (month < 0) return Number.NaN;
  const [day = 0, hour = 0, minute = 0, second = 0, millis = 0] = digits.map(Number);
  const newest = new Date(latest + DAY).getFullYear();
  for (let year = newest; year > newest - MOST_YEARS; year -= 1) {
    const fields = [year, month, day, hour, minute, second, millis] as const;
    const time = zone === 'utc' ? Date.UTC(...fields) : new Date(...fields).getTime();
    const isLeap = new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
    if (time <= latest + DAY && (isLeap || month !== 1 || day < 29)) return time;
  }
  return Number.NaN;
}
