// Parses an env_file: NAME=value lines, as systemd, Compose and dotenv read them where they agree.

import { LONGEST_NAME, shortened } from '../../text/shortened.ts';
import { Doubts } from './env-doubts.ts';

interface Variable {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

interface Remark {
  /** 1-based. */
  readonly line: number;
  readonly message: string;
}

interface EnvFile {
  readonly variables: readonly Variable[];
  /** Messages never quote a value, since it may be secret. */
  readonly mistakes: readonly Remark[];
  /** What systemd, Compose or dotenv would read otherwise: the first line of each kind. */
  readonly doubts: readonly Remark[];
}

/** More variables do not fit into the environment of a program either (execve(2), E2BIG). */
const MOST_VARIABLES = 4096;
/** Parsing stops after so many mistakes: a file of another kind could have half a million. */
const MOST_MISTAKES = 100;

/** What a backslash escapes within double quotes (POSIX 2.2.3). */
const ESCAPED_IN_QUOTES = new Set(['"', '\\', '$', '`']);

const BEGINNING = /^(export\s+)?([^\s=]+)\s*=[^\S\n]*/;

/**
 * `NAME=value`, optionally after `export`. In '…' all is literal; in "…" a backslash escapes `"`, `\`, `$` and `` ` ``.
 * Both may go over several lines, and a comment may follow. A value without quotes ends at the end of the line, or at a #
 * behind a blank; a backslash at the end of the line joins it with the next one. Nothing is expanded.
 */
export function parseEnvFile(input: string): EnvFile {
  const text = input.replace(/^\ufeff/, '').replaceAll('\r\n', '\n');
  const variables: Variable[] = [];
  const mistakes: Remark[] = [];
  const doubts = new Doubts();
  let line = 0;
  for (let at = 0; at <= text.length; ) {
    line += 1;
    const start = startOfContent(text, at);
    const end = endOfLine(text, at);
    at = end + 1;
    if (start >= end) continue;
    const first = text.charAt(start);
    if (first === '#' || first === ';') {
      doubts.ofComment(line, first, text.charAt(end - 1) === '\\');
      continue;
    }
    if (variables.length >= MOST_VARIABLES) {
      mistakes.push({ line, message: `has more than ${MOST_VARIABLES} variables; no program can be given so many` });
      break;
    }
    if (mistakes.length >= MOST_MISTAKES) {
      mistakes.push({ line, message: 'is not read from here on: what stands before it has too many mistakes' });
      break;
    }
    const [beginning, exported, name] = BEGINNING.exec(text.slice(start, end)) ?? [];
    if (beginning === undefined || name === undefined) {
      mistakes.push({ line, message: 'expected NAME=value, or # in front of a comment' });
      continue;
    }
    const from = start + beginning.length;
    const quote = text.charAt(from);
    const found = quote === "'" || quote === '"' ? readQuoted(text, from, quote) : readUnquoted(text, from);
    if (typeof found === 'string') {
      mistakes.push({ line, message: `the value of ${shortened(name, LONGEST_NAME)} ${found}` });
      continue;
    }
    variables.push({ name, value: found.value, line });
    doubts.ofVariable(line, {
      name,
      isExported: exported !== undefined,
      source: text.slice(from, found.end),
      ...found,
    });
    at = found.end + 1;
    line += countOf(text.slice(from, found.end), '\n');
  }
  return { variables, mistakes, doubts: doubts.found };
}

/** What stands for a value. */
interface QuotedValue {
  readonly value: string;
  /** Where its last line ends. */
  readonly end: number;
  readonly quote: "'" | '"' | null;
  readonly hasComment: boolean;
}

/** A text says what is wrong. */
function readQuoted(text: string, start: number, quote: "'" | '"'): QuotedValue | string {
  const close = quote === "'" ? text.indexOf("'", start + 1) : closingQuote(text, start + 1);
  if (close < 0) return `has no closing ${quote}`;
  const end = endOfLine(text, close);
  const rest = text.slice(close + 1, end);
  const hasComment = /^\s+#/.test(rest);
  if (!hasComment && rest.trim() !== '') {
    return `has text behind its closing ${quote}; put all of it into the quotes, or a blank and # in front of a comment`;
  }
  const inner = text.slice(start + 1, close);
  return { value: quote === "'" ? inner : unescaped(inner), end, quote, hasComment };
}

/** No regular expression: a value may be a megabyte. -1: there is none. */
function closingQuote(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '"') return at;
    if (char === '\\') at += 1;
  }
  return -1;
}

function unescaped(text: string): string {
  let value = '';
  let from = 0;
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at)) {
    const next = text.charAt(at + 1);
    const isEscape = ESCAPED_IN_QUOTES.has(next);
    if (isEscape || next === '\n') {
      value += text.slice(from, at);
      from = isEscape ? at + 1 : at + 2;
    }
    at += 2;
  }
  return value + text.slice(from);
}

function readUnquoted(text: string, start: number): QuotedValue {
  const lines: string[] = [];
  for (let from = start; ; ) {
    const end = endOfLine(text, from);
    const line = text.slice(from, end);
    const comment = beginOfComment(line, text.charAt(from - 1));
    const isJoined = comment < 0 && end < text.length && endsInBackslash(line);
    lines.push(comment >= 0 ? line.slice(0, comment) : isJoined ? line.slice(0, -1) : line);
    if (!isJoined) return { value: lines.join('').trim(), end, quote: null, hasComment: comment >= 0 };
    from = end + 1;
  }
}

/** Where a # behind a blank begins a comment; -1: nowhere. `before`: the character in front of the line. */
function beginOfComment(line: string, before: string): number {
  for (let at = line.indexOf('#'); at >= 0; at = line.indexOf('#', at + 1)) {
    const previous = at === 0 ? before : line.charAt(at - 1);
    if (previous === ' ' || previous === '\t') return at;
  }
  return -1;
}

/** Two of them are a backslash that is escaped. */
function endsInBackslash(line: string): boolean {
  let count = 0;
  while (line.charAt(line.length - 1 - count) === '\\') count += 1;
  return count % 2 === 1;
}

function startOfContent(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charAt(at) !== '\n' && text.charAt(at).trim() === '') at += 1;
  return at;
}

function endOfLine(text: string, from: number): number {
  const newline = text.indexOf('\n', from);
  return newline === -1 ? text.length : newline;
}

function countOf(text: string, char: string): number {
  let count = 0;
  for (let at = text.indexOf(char); at >= 0; at = text.indexOf(char, at + 1)) count += 1;
  return count;
}
