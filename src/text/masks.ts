// Finds many secrets in a text at once, in the forms they take there, and takes them out.

import { MASK, withoutPasswords } from './url-passwords.ts';

/**
 * Shorter ones are not looked for: "1" and "root" are everywhere, and who reads `[redacted]` in the place of a port
 * learns more than from the port. Six letters and digits by chance: once in 10^9 characters.
 */
export const SHORTEST = 6;

/** So many neighbouring characters are looked up together. */
const BLOCK = 3;

/** 2^32 over the golden ratio: numbers that are close to each other come to lie far apart (Knuth, 6.4). */
const SPREAD = 0x9e3779b1;

/** More characters of secrets in all their forms take too much memory; what is above is not looked for in texts. */
const MOST_CHARACTERS = 64 << 20;

export interface Masks {
  /** Whether there is anything to take out; of JSON as of the text in it. */
  finds(text: string): boolean;
  /** The text with `[redacted]` in place of every secret. */
  hide(text: string): string;
  /** Of a text that was cut: without the beginning of a secret at its end, too. */
  hideCut(text: string): string;
}

/**
 * After Wu and Manber (1994): a table tells of each three characters how far the next secret can be, so that most of a
 * text is never looked at. Building takes a moment for each secret, searching one that hardly depends on their number.
 */
export class SecretMasks implements Masks {
  readonly #skips: Uint8Array;
  readonly #bits: number;
  /** By their first characters; the longest first. */
  readonly #starts = new Map<string, string[]>();
  #longest = 0;
  /** As they are. */
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
    for (const form of forms) this.#add(form);
    for (const same of this.#starts.values()) same.sort((a, b) => b.length - a.length);
  }

  finds(text: string): boolean {
    return this.#next(text, 0) !== null || withoutPasswords(text) !== text;
  }

  hide(text: string): string {
    return this.#hideKnown(withoutPasswords(text));
  }

  #hideKnown(text: string): string {
    let found = this.#next(text, 0);
    if (found === null) return text;
    let hidden = '';
    let done = 0;
    while (found !== null) {
      const { from } = found;
      let { to } = found;
      // Where the next begins inside of this one, both are taken out.
      let next: Found | null = this.#next(text, from + 1);
      while (next !== null && next.from < to) {
        to = Math.max(to, next.to);
        next = this.#next(text, next.from + 1);
      }
      hidden += text.slice(done, from) + MASK;
      done = to;
      found = next;
    }
    return hidden + text.slice(done);
  }

  hideCut(text: string): string {
    for (let from = Math.max(0, text.length - this.#longest); from <= text.length - SHORTEST; from += 1) {
      const end = text.slice(from);
      const isBeginning = this.#starts.get(end.slice(0, SHORTEST))?.some((secret) => secret.startsWith(end));
      if (isBeginning === true) return this.hide(text.slice(0, from)) + MASK;
    }
    return this.hide(text);
  }

  #add(form: string): void {
    const start = form.slice(0, SHORTEST);
    const same = this.#starts.get(start);
    this.#longest = Math.max(this.#longest, form.length);
    if (same !== undefined) {
      same.push(form);
      return;
    }
    this.#starts.set(start, [form]);
    for (let at = BLOCK - 1; at < SHORTEST; at += 1) {
      const block = (start.charCodeAt(at - 2) << 14) ^ (start.charCodeAt(at - 1) << 7) ^ start.charCodeAt(at);
      const place = Math.imul(block, SPREAD) >>> (32 - this.#bits);
      this.#skips[place] = Math.min(this.#skips[place] ?? 0, SHORTEST - 1 - at);
    }
  }

  #next(text: string, from: number): Found | null {
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
      const secret = this.#starts.get(text.slice(start, at + 1))?.find((each) => text.startsWith(each, start));
      if (secret !== undefined) return { from: start, to: start + secret.length };
      at += 1;
    }
    return null;
  }
}

interface Found {
  readonly from: number;
  readonly to: number;
}

/** A value of JSON in which no text holds a secret; the same one where none does. Keys are names, and stay. */
export function hideAll<T>(value: T, masks: Masks): T {
  const json = JSON.stringify(value);
  if (json === undefined || !masks.finds(json)) return value;
  return JSON.parse(json, (_, each: unknown) => (typeof each === 'string' ? masks.hide(each) : each));
}

/** What JSON, URLs and lines have as it is. */
const PLAIN = /^[\w.-]*$/;

/** A secret as it is, as JSON has it, on one line, and encoded for URLs and headers. */
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

/** What is the same whatever stands around it, for each of the three places at which it can begin. */
function base64Of(bytes: string): readonly string[] {
  return [0, 1, 2].map((skipped) => {
    const encoded = btoa('\0'.repeat(skipped) + bytes);
    return encoded.slice(skipped === 0 ? 0 : skipped + 1, Math.floor(((skipped + bytes.length) * 8) / 6));
  });
}
