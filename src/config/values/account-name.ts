// Reads a user or group, by name or by number.

import type { Reading } from '../../text/units.ts';

/** Of uid_t and gid_t; the number above it means "none" to the kernel. */
const HIGHEST_ID = 4_294_967_294;

/** The name, or the number as text. */
export function readAccount(input: unknown): Reading<string> {
  const expected = `a name such as "www-data", or a number up to ${HIGHEST_ID}`;
  if (typeof input === 'number' && Number.isInteger(input) && input >= 0 && input <= HIGHEST_ID) {
    return { ok: true, value: String(input) };
  }
  if (typeof input !== 'string' || !/^[^\s:,/-][^\s:,/]*$/.test(input)) return { ok: false, expected };
  if (/^\d+$/.test(input) && Number(input) > HIGHEST_ID) return { ok: false, expected };
  return { ok: true, value: input };
}
