// Reads the token for requests over TCP (daemon.http_token).

import type { Reading } from '../../text/units.ts';

/** Long enough not to be guessed; `openssl rand -hex 32` makes 64 characters. */
const SHORTEST = 16;
const LONGEST = 512;

export function readHttpToken(input: unknown): Reading<string> {
  const expected = `${SHORTEST} to ${LONGEST} letters, digits and - . _ ~ + / =, as RFC 6750 has them`;
  const isFine = typeof input === 'string' && /^[\w.~+/-]+=*$/.test(input);
  if (isFine && input.length >= SHORTEST && input.length <= LONGEST) return { ok: true, value: input };
  return { ok: false, expected, hint: 'make one with: openssl rand -hex 32' };
}
