// Reads an env_file: NAME=value lines as systemd and docker take them.

interface Variable {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

interface EnvFile {
  readonly variables: readonly Variable[];
  /** Never quotes a value. */
  readonly mistakes: readonly { readonly line: number; readonly message: string }[];
}

/** More variables do not fit into the environment of a program either (execve(2), E2BIG). */
const MOST_VARIABLES = 4096;
/** A file that is none of this kind has half a million of them in a megabyte, and nobody reads more. */
const MOST_MISTAKES = 100;

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
]);

/**
 * `NAME=value`, optionally after `export`; `#` at the start of a line is a comment. In '…' all is literal, in "…"
 * a backslash escapes; an unquoted value is everything up to the end of the line. Nothing is expanded.
 */
export function parseEnvFile(text: string): EnvFile {
  const variables: Variable[] = [];
  const mistakes: { line: number; message: string }[] = [];
  let line = 0;
  for (const raw of linesOf(text.replace(/^\ufeff/, ''))) {
    line += 1;
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) continue;
    const [, name, rest = ''] = /^(?:export\s+)?([^\s=]+)\s*=\s*(.*)$/.exec(content) ?? [];
    const value = name === undefined ? null : unquote(rest);
    if (variables.length >= MOST_VARIABLES) {
      mistakes.push({ line, message: `has more than ${MOST_VARIABLES} variables; no program can be given so many` });
      break;
    }
    if (mistakes.length >= MOST_MISTAKES) {
      mistakes.push({ line, message: 'is not read from here on: what stands before it has too many mistakes' });
      break;
    }
    if (name === undefined) mistakes.push({ line, message: 'expected NAME=value, or # in front of a comment' });
    else if (value === null)
      mistakes.push({ line, message: `the value of ${name} has no closing quote, or text behind it` });
    else variables.push({ name, value, line });
  }
  return { variables, mistakes };
}

/** One after the other: a megabyte of newlines would be a million texts at once. */
function* linesOf(text: string): Generator<string> {
  for (let at = 0; at <= text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline === -1 ? text.length : newline;
    yield text.slice(at, end);
    at = end + 1;
  }
}

function unquote(text: string): string | null {
  const quote = text.charAt(0);
  if (quote === "'") return text.length > 1 && text.indexOf("'", 1) === text.length - 1 ? text.slice(1, -1) : null;
  return quote === '"' ? betweenQuotes(text) : text;
}

/** What stands between double quotes; null: the second one is not the end. No regular expression: a value may be a megabyte. */
function betweenQuotes(text: string): string | null {
  let value = '';
  let from = 1;
  for (let at = 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"') return at === text.length - 1 ? value + text.slice(from, at) : null;
    if (char !== '\\') continue;
    const escaped = text.charAt(at + 1);
    value += text.slice(from, at) + (ESCAPES.get(escaped) ?? escaped);
    at += 1;
    from = at + 1;
  }
  return null;
}
