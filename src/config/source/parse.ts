// Parses TOML to values that know their lines; a syntax error becomes a problem with its line.

import { parse, TomlError } from 'smol-toml';
import type { Problem } from '../../errors.ts';
import { indexLines, keyInLine, type LineIndex, type Spot } from './line-index.ts';
import { keyPath, type Node, type Origin, type Table } from './tree.ts';

export type Document =
  | { readonly ok: true; readonly where: string; readonly table: Table }
  | { readonly ok: false; readonly where: string; readonly problem: Problem };

/** Deeper nesting is refused. */
const DEEPEST = 64;

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/invalid value|numeric|cannot be represented/, 'strings, durations and sizes stand in quotes'],
  [/leading zero/, 'octal digits stand in quotes: "0640"'],
  [/end-of-line/, 'one key a line'],
  [/unfinished string|control characters/, 'is the closing quote missing? Text of several lines stands in """'],
  [/unfinished array/, 'the closing ] is missing'],
  [/unfinished table|end of structure/, 'is a comma or a closing bracket missing?'],
  [/end of key|illegal character in key/, 'a line is `key = value`, `[table]` or `# comment`'],
];

/** `where` names the file in problems. No problem quotes the text, which may be secret. */
export function parseDocument(text: string, where: string, isSecret: boolean): Document {
  const index = indexLines(text);
  try {
    const values: Record<string, unknown> = parse(text, { maxDepth: DEEPEST });
    const deep = tooDeep(values);
    if (deep !== null) {
      const line = index.root.inner.get(deep)?.line ?? null;
      const problem = { where, line, key: keyPath([deep]), message: `nests deeper than ${DEEPEST} levels` };
      return { ok: false, where, problem };
    }
    return { ok: true, where, table: locatedTable(values, index.root, { where, line: 1, isSecret }) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return { ok: false, where, problem: syntaxProblem(error, where, index) };
  }
}

/**
 * The value of an environment variable: TOML if it parses, else the text itself. A line break could begin another key;
 * such a text is not TOML.
 */
export function parseValue(text: string): unknown {
  try {
    const values: Record<string, unknown> = parse(`value = ${text}`, { maxDepth: DEEPEST });
    return Object.keys(values).length === 1 && tooDeep(values) === null ? values.value : text;
  } catch (error) {
    if (error instanceof TomlError) return text;
    throw error;
  }
}

/** The top-level key that nests too deep; null: none does. Needed because smol-toml does not count the parts of `a.b.c = 1`. */
function tooDeep(values: Readonly<Record<string, unknown>>): string | null {
  let level = Object.entries(values);
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > DEEPEST) return level[0]?.[0] ?? null;
    level = level.flatMap(([first, value]) => {
      const inner = Array.isArray(value) || isTable(value) ? Object.values(value) : [];
      return inner.map((one): [string, unknown] => [first, one]);
    });
  }
  return null;
}

/** A value that is not from a file, but from a variable: all its parts have one origin. */
export function withOrigin(value: unknown, origin: Origin): Node {
  return isTable(value) ? locatedTable(value, null, origin) : { kind: 'leaf', origin, value };
}

/** `spot`: lines of the keys of this table; null: all have the line of the table. */
function locatedTable(values: Record<string, unknown>, spot: Spot | null, origin: Origin): Table {
  const entries = new Map<string, Node>();
  for (const [key, value] of Object.entries(values)) {
    const below = spot?.inner.get(key) ?? null;
    const own = below === null || below.line === origin.line ? origin : { ...origin, line: below.line };
    entries.set(key, isTable(value) ? locatedTable(value, below, own) : { kind: 'leaf', origin: own, value });
  }
  return { kind: 'table', origin, entries };
}

/** smol-toml makes tables without a prototype; lists and dates have one. */
function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null;
}

function syntaxProblem(error: TomlError, where: string, index: LineIndex): Problem {
  const { line, column } = error;
  const again = index.repeated.find((repetition) => repetition.again === line);
  if (again !== undefined && error.message.includes('redefine')) {
    const message = `is written twice: the first time in line ${again.first}; keep one of them`;
    return { where, line, key: keyPath(again.path), message };
  }
  // The other lines of the message quote the file.
  const [first = ''] = error.message.split('\n');
  const what = first.replace('Invalid TOML document: ', '').replace(/\.$/, '');
  const hint = HINTS.find(([pattern]) => pattern.test(what))?.[1];
  return {
    where,
    line,
    key: keyPath(keyInLine(index.root, line)),
    message: `is not TOML: ${what} (column ${column})${hint === undefined ? '' : `; ${hint}`}`,
  };
}
