// Reads regular expressions (those of JavaScript) for lines of output.

import type { Reading } from '../../text/units.ts';

/** Each line of output is matched with the pattern, so that its length is bounded. */
const LONGEST = 1000;

export function readPattern(input: unknown): Reading<string> {
  const expected = 'a regular expression such as "listening on port \\\\d+"';
  if (typeof input !== 'string' || input === '') return { ok: false, expected };
  if (input.length > LONGEST) return { ok: false, expected: `${expected}, of at most ${LONGEST} characters` };
  try {
    return new RegExp(input).test('')
      ? { ok: false, expected: `${expected}, not one that any line matches` }
      : { ok: true, value: input };
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message.replace(/^Invalid regular expression: /, '') : '';
    return { ok: false, expected, hint: why };
  }
}
