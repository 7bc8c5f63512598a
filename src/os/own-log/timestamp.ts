// Formats the time for log lines: `Nov 23 16:10:00.123`, local time, English month names in every locale.

import { dateOf } from '../../runtime/wall-time.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const pad = (value: number, width: number): string => String(value).padStart(width, '0');

/** Bytes of a timestamp, all ASCII. */
export const TIMESTAMP_LENGTH = 'Nov 23 16:10:00.123'.length;

let secondKnown = Number.NaN;
let secondText = '';

/** `ms`: Unix time in milliseconds. */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== secondKnown) {
    const at = dateOf(ms);
    const clock = `${pad(at.getHours(), 2)}:${pad(at.getMinutes(), 2)}:${pad(at.getSeconds(), 2)}`;
    secondText = `${MONTHS[at.getMonth()]} ${pad(at.getDate(), 2)} ${clock}`;
    secondKnown = second;
  }
  return `${secondText}.${pad(ms - second * 1000, 3)}`;
}
