// Reads the address of the TCP listener: "127.0.0.1:9640", "[::1]:9640", "" for none.

import type { ListenAddress } from '../../core/model/config.ts';
import type { Reading } from '../../text/units.ts';
import { portOf } from './endpoint.ts';

const HIGHEST_PORT = 65_535;

export function parseListenAddress(input: unknown): Reading<ListenAddress | null> {
  const expected = 'an address such as "127.0.0.1:9640", or "" for none';
  if (input === '') return { ok: true, value: null };
  if (typeof input !== 'string') return { ok: false, expected };
  const [, name, bracketed, port] = /^(?:([A-Za-z0-9.-]+)|\[([0-9A-Fa-f:.]+)\]):(\d{1,5})$/.exec(input) ?? [];
  if (port === undefined) {
    const hint = portOf(input) !== null ? `for this host only write "127.0.0.1:${input}"` : '';
    return { ok: false, expected, hint };
  }
  if (Number(port) > HIGHEST_PORT) return { ok: false, expected: `a port of at most ${HIGHEST_PORT}` };
  return { ok: true, value: { host: name ?? bracketed ?? '', port: Number(port) } };
}

/** Whether the address is reachable from this host only; "" is not reachable at all, so true. */
export function isForThisHost(address: ListenAddress | null): boolean {
  if (address === null) return true;
  return /^(?:localhost|(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i.test(address.host);
}
