// Spans of time in sentences: `50ms`, `1.2s`, `1m30s`, in the units of the configuration.

import type { Millis } from './spec.ts';

const SECOND: Millis = 1_000;
const MINUTE = 60;
const HOUR = 60 * MINUTE;

export function spanText(span: Millis): string {
  if (span < SECOND) return `${Math.round(span)}ms`;
  if (span < MINUTE * SECOND) return `${Math.round(span / 100) / 10}s`;
  const seconds = Math.round(span / SECOND);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / HOUR), 'h'],
    [Math.floor((seconds % HOUR) / MINUTE), 'm'],
    [seconds % MINUTE, 's'],
  ];
  return parts.map(([count, unit]) => (count === 0 ? '' : `${count}${unit}`)).join('');
}
