// The command of a service: a list as it is, or one string split as a shell would split it. No shell ever runs.

import type { Reading } from '../../text/units.ts';

/** Characters that a shell would interpret. Without a shell they would be passed on as they are, which is hardly meant. */
const SHELL_SYNTAX = new Set(['|', '&', ';', '<', '>', '(', ')', '$', '`', '*', '?']);

/** A shell takes words such as `PORT=3000` in front of a command for variables. */
const ASSIGNED = /^[A-Za-z_][A-Za-z0-9_]*$/;

const BLANKS = new Set([' ', '\t', '\r']);

/** Characters that a backslash escapes within double quotes (POSIX 2.2.3). */
const ESCAPED_IN_QUOTES = new Set(['$', '`', '"', '\\', '\n']);

const EXPECTED = 'a command line without shell syntax';

/** Splits by the rules of POSIX shell quoting: blanks, '…', "…", backslash. */
export function splitCommand(line: string): Reading<readonly string[]> {
  const text = line.trim();
  const words: string[] = [];
  let word: string | null = null;
  let plain = new PlainPart();
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) return unclosed("'");
      word = (word ?? '') + text.slice(at + 1, end);
      at = end + 1;
    } else if (char === '"') {
      const quoted = doubleQuoted(text, at + 1);
      if (quoted === null) return unclosed('"');
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else if (char === '\\') {
      const next = text.charAt(at + 1);
      if (next === '') return { ok: false, expected: 'something after the backslash at the end' };
      // A backslash at the end of a line joins it with the next one.
      if (next !== '\n') word = (word ?? '') + next;
      at += 2;
    } else if (BLANKS.has(char)) {
      if (word !== null) words.push(word);
      word = null;
      plain = new PlainPart();
      at += 1;
    } else if (SHELL_SYNTAX.has(char) || char === '\n' || (word === null && (char === '#' || char === '~'))) {
      return needsShell(char);
    } else if (char === '=' && words.length === 0 && word === plain.text && ASSIGNED.test(word)) {
      return assignsVariable();
    } else {
      const pattern = plain.patternEndedBy(char, word ?? '');
      if (pattern !== null) return needsShell(pattern);
      word = (word ?? '') + char;
      at += 1;
    }
  }
  if (word !== null) words.push(word);
  return { ok: true, value: words };
}

/** What of a word is not quoted, and the pattern that it may be for a shell: `{a,b}`, `{1..3}`, `[ab]`. */
class PlainPart {
  text = '';
  #brace = -1;
  #bracket = -1;

  /** The pattern that `char` completes behind `word`, its quoted parts included; null: none. */
  patternEndedBy(char: string, word: string): string | null {
    if (char === '{') this.#brace = this.text.length;
    if (char === '[' && this.#bracket < 0) this.#bracket = word.length;
    this.text += char;
    if (char === '}' && this.#brace >= 0 && /,|\.\./.test(this.text.slice(this.#brace))) return '{a,b}';
    return char === ']' && this.#bracket >= 0 && word.length > this.#bracket + 1 ? '[x]' : null;
  }
}

function doubleQuoted(text: string, start: number): { readonly text: string; readonly end: number } | null {
  let word = '';
  for (let at = start; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '"') return { text: word, end: at + 1 };
    const next = text.charAt(at + 1);
    if (char === '\\' && ESCAPED_IN_QUOTES.has(next)) {
      if (next !== '\n') word += next;
      at += 1;
    } else word += char;
  }
  return null;
}

function unclosed(quote: string): Reading<never> {
  return { ok: false, expected: `a closing ${quote}`, hint: 'every quote needs its pair' };
}

function needsShell(char: string): Reading<never> {
  const name = char === '\n' ? 'line break' : char;
  const home = char === '~' ? 'the whole path of the folder, ' : '';
  return {
    ok: false,
    expected: `${EXPECTED} (found an unquoted ${name})`,
    hint: `no shell runs: write ${home}["sh", "-c", "…"] for one, or quote the character`,
  };
}

function assignsVariable(): Reading<never> {
  return {
    ok: false,
    expected: 'a command that begins with its program (found a variable)',
    hint: 'no shell runs: write env = { PORT = "3000" } for it, or ["sh", "-c", "…"]',
  };
}

/** Longest argument or variable that the kernel accepts, in bytes without the NUL (MAX_ARG_STRLEN, execve(2)). */
export const LONGEST_WORD = 128 * 1024 - 1;

export function readCommand(input: unknown): Reading<readonly [string, ...string[]]> {
  const expected = 'a list of strings such as ["node", "server.js"], or one string';
  const split: Reading<readonly unknown[]> =
    typeof input === 'string'
      ? splitCommand(input)
      : Array.isArray(input)
        ? { ok: true, value: input }
        : { ok: false, expected };
  if (!split.ok) return split;
  const words = split.value.filter((word) => typeof word === 'string');
  const [file, ...rest] = words;
  if (words.length < split.value.length) return { ok: false, expected };
  if (file === undefined || file === '') return { ok: false, expected: 'a command that is not empty' };
  if (Array.isArray(input) && /^[A-Za-z_][A-Za-z0-9_]*=/.test(file)) return assignsVariable();
  if (Array.isArray(input) && /^~(?:\/|$)/.test(file)) {
    return { ok: false, expected: 'the whole path of the program: no shell runs that puts in a home for ~' };
  }
  if (words.some((word) => word.length > LONGEST_WORD)) {
    return { ok: false, expected: 'arguments of less than 128 KiB each', hint: 'put the text into a file' };
  }
  return { ok: true, value: [file, ...rest] };
}
