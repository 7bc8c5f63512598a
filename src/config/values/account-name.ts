// Reads a user or group, by name or by number.

import type { Reading } from '../../text/units.ts';

/** The name, or the number as text. */
export function readAccount(input: unknown): Reading<string> {
  const expected = 'a name such as "www-data", or a number';
  if (typeof input === 'number' && Number.isInteger(input) && input >= 0) return { ok: true, value: String(input) };
  if (typeof input !== 'string' || !/^[^\s:,/-][^\s:,/]*$/.test(input)) return { ok: false, expected };
  return { ok: true, value: input };
}
