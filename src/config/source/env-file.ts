// Reads an env_file: NAME=value lines as systemd and docker take them.

export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

export interface EnvFile {
  readonly variables: readonly Variable[];
  /** Never quotes a value. */
  readonly mistakes: readonly { readonly line: number; readonly message: string }[];
}

/** More variables do not fit into the environment of a program either (execve(2), E2BIG). */
const MOST_VARIABLES = 4096;

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
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const line = index + 1;
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) continue;
    const [, name, rest = ''] = /^(?:export\s+)?([^\s=]+)\s*=\s*(.*)$/.exec(content) ?? [];
    const value = name === undefined ? null : unquote(rest);
    if (variables.length >= MOST_VARIABLES) {
      mistakes.push({ line, message: `has more than ${MOST_VARIABLES} variables; no program can be given so many` });
      break;
    }
    if (name === undefined) mistakes.push({ line, message: 'expected NAME=value, or # in front of a comment' });
    else if (value === null)
      mistakes.push({ line, message: `the value of ${name} has no closing quote, or text behind it` });
    else variables.push({ name, value, line });
  }
  return { variables, mistakes };
}

function unquote(text: string): string | null {
  const quote = text.charAt(0);
  if (quote === "'") return /^'[^']*'$/.test(text) ? text.slice(1, -1) : null;
  if (quote !== '"') return text;
  if (!/^"(?:[^"\\]|\\.)*"$/.test(text)) return null;
  return text.slice(1, -1).replace(/\\(.)/g, (_, char: string) => ESCAPES.get(char) ?? char);
}
