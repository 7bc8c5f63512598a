// Converts quantities as people write them ("1h30m", "512M", "0640") to numbers, and back.

import type { Millis } from '../core/model/spec.ts';

/** The result of reading a value: the value, or a noun phrase for what was expected ("a port from 1 to 65535"). */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly expected: string;
      /** A remedy, if `expected` alone does not suggest one. */
      readonly hint?: string;
    };

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const DURATION_UNITS: ReadonlyMap<string, Millis> = new Map([
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
  ['ms', 1],
]);

/** Ten years: a longer duration is a mistake in the unit. */
const LONGEST: Millis = 3650 * DAY;

const A_DURATION = 'a duration such as "30s"';

/**
 * `1h30m`, `100ms`, `1.5s`: units from the largest to the smallest, each once, nothing between them. The value
 * is in milliseconds. `least`: the shortest duration that the key allows.
 */
export function parseDuration(input: unknown, least: Millis = 0): Reading<Millis> {
  if (typeof input === 'number') {
    const hint = Number.isInteger(input) && input >= 0 ? `for seconds write "${input}s"` : 'write it with a unit';
    return { ok: false, expected: A_DURATION, hint };
  }
  if (typeof input !== 'string') return { ok: false, expected: A_DURATION };
  if (/^-[\d.]/.test(input)) return { ok: false, expected: `${A_DURATION}, not a negative one` };
  if (/^\d+$/.test(input)) return { ok: false, expected: A_DURATION, hint: `for seconds write "${input}s"` };
  const total = sumOfParts(input);
  if (total === null) return { ok: false, expected: `${A_DURATION} (units: d, h, m, s, ms)` };
  if (total > LONGEST) return { ok: false, expected: `a duration of at most "${formatDuration(LONGEST)}"` };
  if (total < least) return { ok: false, expected: `a duration of at least "${formatDuration(least)}"` };
  return { ok: true, value: total };
}

function sumOfParts(text: string): Millis | null {
  const [, only, of = ''] = /^(\d+)(ms|[dhms])$/.exec(text) ?? [];
  const single = DURATION_UNITS.get(of);
  if (only !== undefined && single !== undefined) return Number(only) * single;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[dhms]))+$/.test(text)) return null;
  let total = 0;
  let previous = Number.POSITIVE_INFINITY;
  for (const [, amount, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)) {
    const size = DURATION_UNITS.get(unit);
    if (size === undefined || size >= previous) return null;
    previous = size;
    total += Number(amount) * size;
  }
  return Math.round(total);
}

/** The canonical form of a duration, which `parseDuration` reads back. */
export function formatDuration(span: Millis): string {
  if (span === 0) return '0s';
  if (span % SECOND !== 0) return `${span}ms`;
  let rest = span;
  let text = '';
  for (const [unit, size] of DURATION_UNITS) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) text += `${amount}${unit}`;
  }
  return text;
}

const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['K', 1024],
  ['M', 1024 ** 2],
  ['G', 1024 ** 3],
  ['T', 1024 ** 4],
]);

/** `512M`, `1.5G`, `64KiB`: powers of 1024, in bytes. */
export function parseSize(input: unknown, least = 0): Reading<number> {
  const expected = 'a size such as "512M" (units: B, K, M, G, T)';
  if (typeof input !== 'string') return { ok: false, expected };
  const [, amount, letter = ''] = /^(\d+(?:\.\d+)?)([BKMGT])(?:(?<!B)i?B)?$/.exec(input) ?? [];
  const unit = SIZE_UNITS.get(letter);
  if (amount === undefined || unit === undefined) return { ok: false, expected };
  const bytes = Math.round(Number(amount) * unit);
  if (!Number.isSafeInteger(bytes)) return { ok: false, expected: 'a size of at most "8191T"' };
  if (bytes < least) return { ok: false, expected: `a size of at least "${formatSize(least)}"` };
  return { ok: true, value: bytes };
}

/** The canonical form of a size, which `parseSize` reads back. */
export function formatSize(bytes: number): string {
  const [unit, size] = [...SIZE_UNITS].findLast(([, of]) => bytes >= of && bytes % of === 0) ?? ['B', 1];
  return `${bytes / size}${unit}`;
}

/** Permission bits as chmod(1) writes them: `0640`, `022`. A TOML number is refused, because 22 would not be 022. */
export function parseMode(input: unknown): Reading<number> {
  if (typeof input === 'string' && /^(?:0o)?[0-7]{1,4}$/.test(input)) {
    const mode = Number.parseInt(input.replace('0o', ''), 8);
    if (mode <= 0o777) return { ok: true, value: mode };
  }
  const hint = typeof input === 'number' ? 'put the octal digits in quotes' : undefined;
  const expected = 'permission bits in octal, in quotes, such as "0640"';
  return hint === undefined ? { ok: false, expected } : { ok: false, expected, hint };
}

/** `0022`: always four digits. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
