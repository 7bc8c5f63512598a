// What is done to good bytes and texts to make bad ones of them.

import type { Chance } from '../chaos/chance.ts';

/** What parsers trip over, wherever it stands. */
const NASTY: readonly string[] = [
  ...[
    '\0',
    '\r',
    '\n',
    '\r\n',
    '\t',
    ' ',
    '"',
    "'",
    '\\',
    '`',
    '$',
    '%',
    '&',
    '=',
    ':',
    ';',
    ',',
    '.',
    '/',
    '#',
    '@',
    '-',
  ],
  ...['{', '}', '[', ']', '(', ')', '<', '>', '*', '?', '+', '|', '^', '~', '\u007f', '\u001b[2J', '\u0080', '\u00ff'],
  ...['\u202e', '\u2028', '\ufeff', '\ufffd', '\ud83d\ude00', 'e\u0301', '\u00ad'],
  ...[
    '0',
    '-0',
    '-1',
    '1e999',
    '-1e999',
    'NaN',
    'Infinity',
    '9007199254740993',
    '18446744073709551616',
    '0x10',
    '1_000',
  ],
  ...['null', 'true', 'false', 'undefined', '[]', '{}', '""', '__proto__', 'constructor', 'prototype', 'toString'],
  ...[
    '../',
    '/../../etc/passwd',
    '%00',
    '%2e%2e%2f',
    '%zz',
    '%c0%af',
    '%ff',
    '\u0024{instance}',
    '\u0024{1e999 + instance}',
    '\u0024{}',
  ],
];

export function nasty(chance: Chance): string {
  return chance.pick(NASTY) ?? '';
}

/** Any byte as often as any other. */
export function noise(chance: Chance, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => chance.between(0, 255)));
}

/** One to four blows; the result has never more than twice the bytes and some. */
export function mutate(chance: Chance, bytes: Buffer): Buffer {
  let result = bytes;
  for (let blows = chance.between(1, 4); blows > 0; blows--) result = strike(chance, result);
  return result;
}

/** Of text, with the bytes that are no UTF-8 replaced. */
export function mutateText(chance: Chance, text: string): string {
  return mutate(chance, Buffer.from(text)).toString('utf8');
}

function strike(chance: Chance, bytes: Buffer): Buffer {
  const at = chance.between(0, bytes.length);
  const end = Math.min(bytes.length, at + chance.between(1, chance.is(0.8) ? 8 : 200));
  const cut = (from: number, to: number, put: Buffer) =>
    Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(to)]);
  return chance.weighted<() => Buffer>([
    [4, () => cut(at, at, Buffer.from(nasty(chance)))],
    [3, () => cut(at, end, Buffer.from(nasty(chance)))],
    [3, () => cut(at, Math.min(at + 1, bytes.length), noise(chance, 1))],
    [2, () => cut(at, end, Buffer.alloc(0))],
    [2, () => cut(at, at, bytes.subarray(at, end))],
    [1, () => cut(at, at, Buffer.from(nasty(chance).repeat(chance.between(2, 300))))],
    [1, () => cut(at, end, noise(chance, chance.between(1, 16)))],
    [1, () => bytes.subarray(0, at)],
  ])();
}
