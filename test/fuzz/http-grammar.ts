// What a client may send to opsd: mostly what is nearly right, for what is wholly wrong is refused at the first byte.

import type { Chance } from '../chaos/chance.ts';
import { bodyOf, type Endpoint, endpointOf } from './http-endpoints.ts';
import { mutate, mutateText, nasty, noise } from './mutations.ts';

export type Door = 'tcp' | 'tls' | 'socket';

/** What opsd wants to be told over TLS. */
export const TOKEN = 'Zm9vYmFyYmF6cXV4cXV1eA.-_~+/0123==';

/** How a client behaves when it has sent all it had. */
export type Ending = 'wait' | 'half-close' | 'reset' | 'deaf';

/** What one connection carries. */
export interface Script {
  /** Sent one after the other, each in a write of its own. */
  readonly pieces: readonly Buffer[];
  /** How many requests were meant by it. */
  readonly requests: number;
  /** The first of them is whole: opsd owes it an answer, however busy it is. */
  readonly isOwed: boolean;
  readonly ending: Ending;
}

/** Above opsd's limit of what one connection may ask before it was answered. */
const MOST_PIPELINED = 24;

export function scriptOf(chance: Chance, door: Door): Script {
  const requests = countOf(chance, door);
  const first = request(chance, door, requests === 1);
  const others = Array.from(
    { length: requests - 1 },
    (_, index) => request(chance, door, index === requests - 2).bytes,
  );
  let bytes: Buffer = Buffer.concat([first.bytes, ...others]);
  let { isWhole } = first;
  const whole = bytes.length;
  if (chance.is(0.02)) bytes = noise(chance, chance.between(1, 300));
  else if (chance.is(0.06)) bytes = bytes.subarray(0, chance.between(0, bytes.length));
  isWhole &&= bytes.length === whole;
  const ending = chance.weighted<Ending>([
    [80, 'wait'],
    [8, 'half-close'],
    [8, 'reset'],
    [4, 'deaf'],
  ]);
  return { pieces: divided(chance, bytes), requests, isOwed: isWhole && ending === 'wait', ending };
}

/** What is above opsd's limit for one connection is cut off, and tells nothing more. */
function countOf(chance: Chance, door: Door): number {
  if (chance.is(0.5)) return 1;
  return chance.between(1, chance.is(0.15) ? MOST_PIPELINED : door === 'socket' ? 6 : 2);
}

function divided(chance: Chance, bytes: Buffer): Buffer[] {
  if (chance.is(0.8)) return [bytes];
  const cuts = Array.from({ length: chance.between(1, 4) }, () => chance.between(0, bytes.length)).sort(
    (a, b) => a - b,
  );
  return [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index] ?? bytes.length));
}

interface Request {
  readonly bytes: Buffer;
  /** It says itself where it ends. */
  readonly isWhole: boolean;
}

function request(chance: Chance, door: Door, isLast: boolean): Request {
  const endpoint = endpointOf(chance, door);
  const method = chance.is(isLast ? 0.88 : 0.98) ? endpoint.method : otherMethod(chance);
  const body = method === 'POST' || chance.is(0.03) ? bodyOf(chance, endpoint) : null;
  const end = chance.is(isLast ? 0.97 : 0.998) ? '\r\n' : (chance.pick(['\n', '\r', '\n\r', '\r\r\n', '']) ?? '');
  const head = [
    `${method} ${target(chance, endpoint)} ${isLast ? version(chance) : 'HTTP/1.1'}`,
    ...headers(chance, isLast),
    ...(door === 'tls' ? authorization(chance) : []),
    ...(isLast && chance.is(0.8) ? ['Connection: close'] : []),
    ...(body === null ? [] : framing(chance, body)),
  ];
  const whole = Buffer.concat([
    Buffer.from(`${head.join(end)}${end}${end}`, chance.is(0.9) ? 'utf8' : 'latin1'),
    body === null ? Buffer.alloc(0) : framed(chance, body),
  ]);
  // What comes behind a broken request is not even looked at.
  if (chance.is(isLast ? 0.3 : 0.02) && !endpoint.isCostly) return { bytes: mutate(chance, whole), isWhole: false };
  return { bytes: whole, isWhole: end === '\r\n' && body === null };
}

const METHODS = [
  ...[
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'DELETE',
    'PATCH',
    'OPTIONS',
    'TRACE',
    'CONNECT',
    'PRI',
    'QUERY',
    'SOURCE',
    'M-SEARCH',
  ],
  ...['get', 'G', '', 'GET GET', 'GET\0', 'G\u00c9T', 'HEAD\t', 'X'.repeat(4_000)],
];

function otherMethod(chance: Chance): string {
  return chance.pick(METHODS) ?? 'GET';
}

function version(chance: Chance): string {
  if (chance.is(0.95)) return 'HTTP/1.1';
  return (
    chance.pick(['HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.1 ', 'http/1.1', 'HTTP/1.', 'HTTP/1.11', 'ICE/1.0', '']) ??
    ''
  );
}

function target(chance: Chance, { path, query }: Endpoint): string {
  const asked = query.length === 0 ? path : `${path}?${query.join('&')}`;
  return chance.weighted<() => string>([
    [80, () => asked],
    [4, () => encoded(chance, asked)],
    [2, () => `http://localhost${asked}`],
    [1, () => `${nasty(chance)}${asked}`],
    [1, () => asked.replaceAll('/', () => chance.pick(['//', '/./', '/../', '\\', '%2f', '/']) ?? '/')],
    [1, () => `${asked}${asked.includes('?') ? '&' : '?'}${nasty(chance).repeat(chance.between(1, 400))}`],
    [1, () => `${asked}/${'a'.repeat(chance.between(1, 17_000))}`],
    [
      1,
      () =>
        chance.pick(['*', '', '//', '/%', 'http://', 'http://[::1', 'localhost:80', '?', '#', '/#', '/;a=b']) ?? '*',
    ],
  ])();
}

/** Some characters as percent-encodings, right and wrong ones. */
function encoded(chance: Chance, text: string): string {
  return text.replace(/[a-z@*+]/g, (char) => {
    if (chance.is(0.7)) return char;
    const hex = char.charCodeAt(0).toString(16);
    return chance.pick([`%${hex}`, `%${hex.toUpperCase()}`, `%25${hex}`, `%${hex.charAt(0)}`, `%u00${hex}`]) ?? char;
  });
}

function headers(chance: Chance, mayBeBad: boolean): string[] {
  if (!mayBeBad && chance.is(0.95)) return ['Host: localhost'];
  const lines = chance.is(0.97) ? [`Host: ${hostOf(chance)}`] : [];
  if (chance.is(0.6)) return lines;
  for (let count = chance.between(1, 4); count > 0; count--) lines.push(header(chance));
  if (chance.is(0.01))
    lines.push(...Array.from({ length: chance.between(50, 1_200) }, (_, index) => `X-${index}: ${index}`));
  return lines;
}

function hostOf(chance: Chance): string {
  if (chance.is(0.9)) return chance.pick(['localhost', '127.0.0.1', 'localhost:9640', '[::1]:80']) ?? 'localhost';
  return (
    chance.pick([
      'example.com',
      '',
      ' ',
      '127.0.0.1.example.com',
      'localhost\0',
      '[',
      '[::1',
      'a'.repeat(3_000),
      '\u00e9',
    ]) ?? ''
  );
}

/** Mostly the right one: who is refused learns nothing of what lies behind. */
function authorization(chance: Chance): string[] {
  if (chance.is(0.8)) return [`Authorization: Bearer ${TOKEN}`];
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  const value = chance.weighted<() => string | null>([
    [3, () => null],
    [2, () => basic(`${nasty(chance)}:${TOKEN}`)],
    [1, () => basic(TOKEN)],
    [2, () => `bEARER   ${TOKEN}  `],
    [2, () => `Bearer ${TOKEN.slice(0, chance.between(0, TOKEN.length))}`],
    [2, () => `Bearer ${mutateText(chance, TOKEN)}`],
    [2, () => `Bearer ${'A='.repeat(chance.between(1, 7_000))}`],
    [1, () => `Bearer${' '.repeat(chance.between(0, 8_000))}${TOKEN}`],
    [1, () => basic(`:${'\u00e9'.repeat(chance.between(1, 3_000))}`)],
    [1, () => `Digest username="${nasty(chance)}", response="${TOKEN}"`],
    [1, () => nasty(chance)],
  ])();
  const lines = value === null ? [] : [`Authorization: ${value}`];
  return chance.is(0.1) ? [...lines, `Authorization: Bearer ${chance.pick([TOKEN, 'x']) ?? ''}`] : lines;
}

function header(chance: Chance): string {
  const value = () => chance.pick([nasty(chance), nasty(chance).repeat(chance.between(1, 500)), '1', 'a, b', '']) ?? '';
  return chance.weighted<() => string>([
    [4, () => `Last-Event-ID: ${chance.pick(['0', '1', `${process.pid}.1`, '1.1.1', '999999999999999', value()])}`],
    [3, () => `X-Opsd-User: ${chance.pick(['root (uid 0)', 'a'.repeat(81), value()])}`],
    [3, () => `Authorization: ${chance.pick(['Bearer x', 'Basic Og==', 'Bearer ', value()])}`],
    [3, () => `Accept-Encoding: ${chance.pick(['gzip', 'gzip;q=0', 'br, *;q=0.1', value()])}`],
    [2, () => `Connection: ${chance.pick(['keep-alive', 'close', 'upgrade', 'close, keep-alive', value()])}`],
    [2, () => `Upgrade: ${chance.pick(['websocket', 'h2c', value()])}`],
    [2, () => `Expect: ${chance.pick(['100-continue', '200-ok', value()])}`],
    [1, () => `Content-Length: ${chance.pick(['0', '5', '-1', '99999999999999999999', '0x5', '1, 1', value()])}`],
    [
      1,
      () => `Transfer-Encoding: ${chance.pick(['chunked', 'gzip, chunked', 'chunked, chunked', 'identity', value()])}`,
    ],
    [1, () => `Host: ${hostOf(chance)}`],
    [1, () => `Range: bytes=${value()}`],
    [1, () => `Cookie: ${value()}`],
    [1, () => `Origin: ${chance.pick(['null', 'http://evil.example', value()])}`],
    [1, () => ` folded: ${value()}`],
    [1, () => `${nasty(chance)}: ${value()}`],
    [1, () => `X-Long: ${'a'.repeat(chance.between(1, 20_000))}`],
  ])();
}

/** How the length of a body is told; now and then it is a lie. */
function framing(chance: Chance, body: Body): string[] {
  if (body.isChunked) return ['Transfer-Encoding: chunked', ...(chance.is(0.05) ? ['Content-Length: 3'] : [])];
  const length = chance.is(0.94)
    ? body.bytes.length
    : chance.pick([0, 1, body.bytes.length - 1, body.bytes.length + 1, 10 ** 12, -5]);
  return [`Content-Length: ${length}`, ...(chance.is(0.03) ? [`Content-Length: ${length}`] : [])];
}

export interface Body {
  readonly bytes: Buffer;
  readonly isChunked: boolean;
}

function framed(chance: Chance, { bytes, isChunked }: Body): Buffer {
  if (!isChunked) return bytes;
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + chance.between(1, Math.max(1, bytes.length)));
    const size = chance.is(0.97)
      ? (end - at).toString(16)
      : (chance.pick(['', 'g', '-1', 'fffffffffffffffff', '0']) ?? '');
    const extension = chance.is(0.9) ? '' : `;${nasty(chance).repeat(chance.between(1, 100))}`;
    parts.push(Buffer.from(`${size}${extension}\r\n`), bytes.subarray(at, end), Buffer.from('\r\n'));
    at = end;
  }
  const trailer = chance.is(0.9) ? '' : `X-Trailer: ${nasty(chance)}\r\n`;
  return Buffer.concat([...parts, Buffer.from(chance.is(0.95) ? `0\r\n${trailer}\r\n` : '')]);
}
