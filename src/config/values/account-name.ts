// A user or group as it may be written: by name or by number.

import type { Reading } from '../../text/units.ts';

/** A user or group: its name, or its number as number or text. */
export function readAccount(input: unknown): Reading<string> {
  const expected = 'a name such as "www-data", or a number';
  if (typeof input === 'number' && Number.isInteger(input) && input >= 0) return { ok: true, value: String(input) };
  if (typeof input !== 'string' || !/^[^\s:,/-][^\s:,/]*$/.test(input)) return { ok: false, expected };
  return { ok: true, value: input };
}
