// Reads the URLs and addresses of probes, in full or by the port alone.

import type { Reading } from '../../text/units.ts';

const HIGHEST_PORT = 65_535;
/** The path and host of a URL that is written as a port alone. */
const LIVE_PATH = '/.well-known/live';
const THIS_HOST = '127.0.0.1';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** `http://host:8080/path`, or `8080`, or `"8080/path"`. A path alone is returned as it is: its port is PORT in env. */
export function readUrl(input: unknown): Reading<string> {
  const expected = 'a URL such as "http://127.0.0.1:8080/.well-known/live", or a port';
  if (typeof input === 'number') return portOf(input) === null ? badPort() : { ok: true, value: liveUrl(input) };
  if (typeof input !== 'string') return { ok: false, expected };
  if (/[\s\p{Cc}]/u.test(input)) return { ok: false, expected: `${expected}, without blanks` };
  if (input.startsWith('/')) return { ok: true, value: input };
  const [, digits, path = LIVE_PATH] = /^:?(\d+)(\/.*)?$/.exec(input) ?? [];
  if (digits !== undefined) {
    const port = portOf(digits);
    return port === null ? badPort() : { ok: true, value: `http://${THIS_HOST}:${port}${path}` };
  }
  const url = URL.parse(input);
  if (!/^https?:\/\//i.test(input)) {
    return { ok: false, expected, hint: URL.canParse(`http://${input}`) ? `write "http://${input}"` : '' };
  }
  if (url === null || url.port === '0') return { ok: false, expected };
  return { ok: true, value: /^https?:\/\/[^/?#]+$/i.test(input) ? `${input}${LIVE_PATH}` : input };
}

export function liveUrl(port: number, path: string = LIVE_PATH): string {
  return `http://${THIS_HOST}:${port}${path}`;
}

/** The URL for messages: without userinfo and query, which may have passwords and tokens. */
export function tellUrl(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? 'a URL' : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}

/** `host:5432`, `[::1]:5432`, or a port of this host. */
export function readAddress(input: unknown): Reading<Address> {
  const expected = 'an address such as "127.0.0.1:5432", or a port';
  if (typeof input !== 'string' && typeof input !== 'number') return { ok: false, expected };
  const [, host, digits] = /^(?:([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):|:?)(\d+)$/.exec(String(input)) ?? [];
  if (digits === undefined) return { ok: false, expected };
  const port = portOf(digits);
  if (port === null) return badPort();
  return { ok: true, value: { host: host?.replace(/^\[|\]$/g, '') ?? THIS_HOST, port } };
}

/** The form that `readAddress` reads back. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** null: not a port from 1 to 65535. */
export function portOf(written: string | number): number | null {
  const port = /^\d{1,5}$/.test(String(written)) ? Number(written) : 0;
  return port >= 1 && port <= HIGHEST_PORT ? port : null;
}

function badPort(): Reading<never> {
  return { ok: false, expected: `a port from 1 to ${HIGHEST_PORT}` };
}
