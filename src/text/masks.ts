// Finds many secrets in a text at once, also escaped and encoded ones, and replaces them by [redacted].

import { CommonStart, type Steps } from './common-start.ts';
import { MASK, withoutPasswords } from './url-passwords.ts';

/**
 * Shorter secrets are not masked: "1" and "root" are in every text, and masking a port would reveal that the port is the
 * secret. Six letters and digits occur by chance once in 10^9 characters.
 */
export const SHORTEST = 6;

/** Characters of a block, which is looked up as one. */
const BLOCK = 3;

/** 2^32 divided by the golden ratio: hashes similar numbers to distant places (Knuth, 6.4). */
const SPREAD = 0x9e3779b1;

/** Bound of memory: forms of secrets beyond so many characters are not masked. */
const MOST_CHARACTERS = 64 << 20;

export interface Masks {
  /** Whether the text has a secret; JSON is searched as it is, escapes included. */
  finds(text: string): boolean;
  /** The text with `[redacted]` in place of every secret. */
  hide(text: string): string;
  /** The same for a text that was cut: a secret that is cut at its end is replaced, too. */
  hideCut(text: string): string;
}

/**
 * The search of Wu and Manber (1994): a table says for each block of three characters how far the next secret can be, so
 * that most of a text is skipped. The time of a search does not depend on the number of secrets.
 */
export class SecretMasks implements Masks {
  readonly #skips: Uint8Array;
  readonly #bits: number;
  /** Forms of secrets by their first `SHORTEST` characters. */
  readonly #starts = new Map<string, CommonStart>();
  #longest = 0;
  /** The secrets as given. */
  readonly texts: ReadonlySet<string>;

  constructor(texts: ReadonlySet<string>) {
    this.texts = texts;
    const forms = new Set<string>();
    let room = MOST_CHARACTERS;
    for (const text of texts) {
      for (const form of formsOf(text)) {
        if (form.length < SHORTEST || form.length > room || forms.has(form)) continue;
        room -= form.length;
        forms.add(form);
      }
    }
    this.#bits = Math.min(20, Math.max(14, Math.ceil(Math.log2(forms.size * 32 + 1))));
    this.#skips = new Uint8Array(1 << this.#bits).fill(SHORTEST - BLOCK + 1);
    const lists = new Map<string, string[]>();
    for (const form of forms) {
      this.#longest = Math.max(this.#longest, form.length);
      const start = form.slice(0, SHORTEST);
      const list = lists.get(start);
      if (list === undefined) lists.set(start, [form]);
      else list.push(form);
    }
    for (const [start, list] of lists) {
      this.#starts.set(start, new CommonStart(list, SHORTEST));
      this.#noteBlocks(start);
    }
  }

  finds(text: string): boolean {
    return this.#next(text, 0, stepsFor(text)) !== null || withoutPasswords(text) !== text;
  }

  hide(text: string): string {
    return this.#hideKnown(withoutPasswords(text));
  }

  #hideKnown(text: string): string {
    const steps = stepsFor(text);
    let found = this.#next(text, 0, steps);
    if (found === null) return text;
    let hidden = '';
    let done = 0;
    while (found !== null) {
      const { from } = found;
      let { to } = found;
      // Secrets that overlap are replaced together.
      let next: MaskedSpan | null = this.#next(text, from + 1, steps);
      while (next !== null && next.from < to) {
        to = Math.max(to, next.to);
        next = this.#next(text, next.from + 1, steps);
      }
      hidden += text.slice(done, from) + MASK;
      done = to;
      found = next;
    }
    return hidden + text.slice(done);
  }

  hideCut(text: string): string {
    const steps = stepsFor(text);
    for (let from = Math.max(0, text.length - this.#longest); from <= text.length - SHORTEST; from += 1) {
      const match = this.#starts.get(text.slice(from, from + SHORTEST))?.match(text, from, steps);
      if (match?.isCut === true || steps.left < 0) return this.hide(text.slice(0, from)) + MASK;
    }
    return this.hide(text);
  }

  #noteBlocks(start: string): void {
    for (let at = BLOCK - 1; at < SHORTEST; at += 1) {
      const block = (start.charCodeAt(at - 2) << 14) ^ (start.charCodeAt(at - 1) << 7) ^ start.charCodeAt(at);
      const place = Math.imul(block, SPREAD) >>> (32 - this.#bits);
      this.#skips[place] = Math.min(this.#skips[place] ?? 0, SHORTEST - 1 - at);
    }
  }

  #next(text: string, from: number, steps: Steps): MaskedSpan | null {
    const skips = this.#skips;
    const shift = 32 - this.#bits;
    const { length } = text;
    let at = from + SHORTEST - 1;
    while (at < length) {
      const block = (text.charCodeAt(at - 2) << 14) ^ (text.charCodeAt(at - 1) << 7) ^ text.charCodeAt(at);
      const skip = skips[Math.imul(block, SPREAD) >>> shift] ?? 1;
      if (skip > 0) {
        at += skip;
        continue;
      }
      const start = at - SHORTEST + 1;
      const longest = this.#starts.get(text.slice(start, at + 1))?.match(text, start, steps).length ?? 0;
      // What would take too long to search is taken for a secret.
      if (steps.left < 0) return { from: start, to: length };
      if (longest > 0) return { from: start, to: start + longest };
      at += 1;
    }
    return null;
  }
}

/**
 * Only a secret and a text that both repeat themselves for hundreds of characters need more, made for each other to hold
 * opsd up.
 */
function stepsFor(text: string): Steps {
  return { left: 65_536 + 64 * text.length };
}

interface MaskedSpan {
  readonly from: number;
  readonly to: number;
}

/** The JSON value with the secrets in its strings replaced; the same object if there are none. Keys stay as they are. */
export function hideAll<T>(value: T, masks: Masks): T {
  const json = JSON.stringify(value);
  if (json === undefined || !masks.finds(json)) return value;
  return JSON.parse(json, (_, each: unknown) => (typeof each === 'string' ? masks.hide(each) : each));
}

/** Texts that are the same in JSON, in URLs and on one line. */
const PLAIN = /^[\w.-]*$/;

/** The forms of a secret: as given, escaped for JSON, on one line, percent-encoded, and in base64. */
function formsOf(secret: string): readonly string[] {
  const forms = [secret];
  const isPlain = PLAIN.test(secret);
  if (!isPlain) {
    const json = JSON.stringify(secret).slice(1, -1);
    const lines = secret.split(/[\r\n]+/);
    forms.push(json, JSON.stringify(json).slice(1, -1), ...lines.map((line) => line.trim()));
    forms.push(secret.trim().replace(/\s+/g, ' '), secret.replace(/\p{Cc}+/gu, ' '));
    const percent = encodeURIComponent(secret.toWellFormed());
    forms.push(
      percent,
      percent.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
      percent.replaceAll('%20', '+'),
    );
    forms.push(encodeURI(secret.toWellFormed()));
  }
  for (const base64 of base64Of(isPlain ? secret : bytesOf(secret))) {
    forms.push(base64);
    if (/[+/]/.test(base64)) forms.push(base64.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}

function bytesOf(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}

/** The base64 characters that do not depend on the bytes around, for each of the three offsets in a group of three bytes. */
function base64Of(bytes: string): readonly string[] {
  return [0, 1, 2].map((skipped) => {
    const encoded = btoa('\0'.repeat(skipped) + bytes);
    return encoded.slice(skipped === 0 ? 0 : skipped + 1, Math.floor(((skipped + bytes.length) * 8) / 6));
  });
}
