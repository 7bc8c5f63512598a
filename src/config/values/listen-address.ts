// Reads the address of the TCP listener: "127.0.0.1:9640", "[::1]:9640", "" for none.

import type { Reading } from '../../text/units.ts';

const HIGHEST_PORT = 65_535;

export function parseListenAddress(input: unknown): Reading<string> {
  const expected = 'an address such as "127.0.0.1:9640", or "" for none';
  if (input === '') return { ok: true, value: '' };
  if (typeof input !== 'string') return { ok: false, expected };
  const [, port] = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(input) ?? [];
  if (port === undefined) {
    const hint = /^\d+$/.test(input) ? `for this host only write "127.0.0.1:${input}"` : '';
    return { ok: false, expected, hint };
  }
  if (Number(port) > HIGHEST_PORT) return { ok: false, expected: `a port of at most ${HIGHEST_PORT}` };
  return { ok: true, value: input };
}

/** Whether the address is reachable from this host only; "" is not reachable at all, so true. */
export function isForThisHost(address: string): boolean {
  return /^$|^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]|\[::ffff:127(?:\.\d{1,3}){3}\]):/i.test(address);
}
