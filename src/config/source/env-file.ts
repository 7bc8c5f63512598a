// Parses an env_file: NAME=value lines in the format of systemd and docker.

interface Variable {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

interface EnvFile {
  readonly variables: readonly Variable[];
  /** 1-based lines; messages never quote a value, since it may be secret. */
  readonly mistakes: readonly { readonly line: number; readonly message: string }[];
}

/** More variables do not fit into the environment of a program either (execve(2), E2BIG). */
const MOST_VARIABLES = 4096;
/** Parsing stops after so many mistakes: a file of another kind could have half a million. */
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

/** A generator, so that a megabyte of newlines does not become an array of a million texts. */
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

/** The text between double quotes; null: the closing quote is missing, or not the end. No regular expression: a value may be a megabyte. */
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
