// Durations, sizes and shares, short enough for a table.

import type { Millis } from '../core/model/spec.ts';

/** `0.4s`, `42s`, `5m 12s`, `3h 4m`, `12d 3h`. */
export function span(millis: Millis): string {
  const seconds = Math.max(0, millis / 1000);
  if (seconds < 10) return `${(Math.floor(seconds * 10) / 10).toFixed(1)}s`;
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
  return `${Math.floor(whole / 86_400)}d ${Math.floor((whole % 86_400) / 3600)}h`;
}

/** `512 B`, `1.5 K`, `83 M`, `2.1 G`: powers of 1024. */
export function size(bytes: number): string {
  let rest = bytes;
  let unit = 'B';
  for (const next of ['K', 'M', 'G', 'T']) {
    if (rest < 1000) break;
    rest /= 1024;
    unit = next;
  }
  return `${unit === 'B' || rest >= 10 ? Math.round(rest) : rest.toFixed(1)} ${unit}`;
}

/** `3.2 %` for 0.032, of one CPU. */
export function percent(ratio: number): string {
  const hundredths = ratio * 100;
  return `${hundredths >= 100 ? Math.round(hundredths) : hundredths.toFixed(1)} %`;
}
