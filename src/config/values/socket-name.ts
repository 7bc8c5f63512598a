// Reads the names of sockets that opsd gets from systemd: FileDescriptorName= of systemd.socket(5).

import { nearest } from '../../text/nearest.ts';
import type { Reading } from '../../text/units.ts';

/** ASCII without control characters and without `:`, which separates names in LISTEN_FDNAMES. */
const NAME = /^[ -9;-~]{1,255}$/;

export function readSocketNames(input: unknown): Reading<readonly string[]> {
  const expected = 'a list of names such as ["web"], as FileDescriptorName= of a .socket unit has them';
  if (!Array.isArray(input)) return { ok: false, expected, hint: typeof input === 'string' ? 'put it into [ ]' : '' };
  const names = input.filter((name) => typeof name === 'string' && NAME.test(name));
  return names.length < input.length ? { ok: false, expected } : { ok: true, value: [...new Set(names)] };
}

/** Why sockets of a service are missing, and a remedy; null: none is. `known`: the sockets that opsd is given. */
export function doubtOnSockets(asked: readonly string[], known: readonly string[]): string | null {
  const missing = asked.find((name) => !known.includes(name));
  if (missing === undefined) return null;
  const near = nearest(missing, known);
  const has =
    known.length === 0 ? 'opsd is given no sockets' : `opsd is given ${known.map((name) => `"${name}"`).join(', ')}`;
  const hint =
    near === null ? 'start a .socket unit with that FileDescriptorName= before opsd' : `did you mean "${near}"?`;
  return `no socket is named "${missing}", and the service cannot start without it; ${has}; ${hint}`;
}
