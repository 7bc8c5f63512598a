// The command of a service: a list as it is, or one string split as a shell would split it. No shell ever runs.

import type { Reading } from '../../text/units.ts';

/** Characters that a shell would interpret. Without a shell they would be passed on as they are, which is hardly meant. */
const SHELL_SYNTAX = new Set(['|', '&', ';', '<', '>', '$', '`', '*']);

const BLANKS = new Set([' ', '\t', '\r']);

/** Characters that a backslash escapes within double quotes (POSIX 2.2.3). */
const ESCAPED_IN_QUOTES = new Set(['$', '`', '"', '\\', '\n']);

const EXPECTED = 'a command line without shell syntax';

/** Splits by the rules of POSIX shell quoting: blanks, '…', "…", backslash. */
export function splitCommand(line: string): Reading<readonly string[]> {
  const text = line.trim();
  const words: string[] = [];
  let word: string | null = null;
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
      at += 1;
    } else if (SHELL_SYNTAX.has(char) || char === '\n' || (char === '#' && word === null)) {
      return needsShell(char);
    } else {
      word = (word ?? '') + char;
      at += 1;
    }
  }
  if (word !== null) words.push(word);
  return { ok: true, value: words };
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
  return {
    ok: false,
    expected: `${EXPECTED} (found an unquoted ${name})`,
    hint: 'no shell runs: write ["sh", "-c", "…"] for one, or quote the character',
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
  if (words.some((word) => word.length > LONGEST_WORD)) {
    return { ok: false, expected: 'arguments of less than 128 KiB each', hint: 'put the text into a file' };
  }
  return { ok: true, value: [file, ...rest] };
}
