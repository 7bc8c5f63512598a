// Reads time zones by their IANA names.

import { didYouMean } from '../../text/nearest.ts';
import type { Reading } from '../../text/units.ts';

export function readTimezone(input: unknown): Reading<string> {
  const expected = 'the IANA name of a time zone such as "Europe/Berlin"';
  if (typeof input !== 'string') return { ok: false, expected };
  try {
    Intl.DateTimeFormat('en', { timeZone: input });
    return { ok: true, value: input };
  } catch {
    return { ok: false, expected, hint: didYouMean(input, Intl.supportedValuesOf('timeZone')) };
  }
}
