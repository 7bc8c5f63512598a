// Reads tags, by which commands name several services at once (`opsd ctl restart +edge`).

import type { Reading } from '../../text/units.ts';

const TAG = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export function readTags(input: unknown): Reading<readonly string[]> {
  const expected = 'a list of words such as ["edge"], of letters, digits, "_", "-" and "."';
  if (!Array.isArray(input)) return { ok: false, expected };
  const tags = input.filter((tag) => typeof tag === 'string' && TAG.test(tag));
  const plus = input.some((tag) => typeof tag === 'string' && tag.startsWith('+'));
  if (tags.length < input.length) return { ok: false, expected, hint: plus ? 'the + belongs to commands only' : '' };
  return { ok: true, value: [...new Set(tags)] };
}
