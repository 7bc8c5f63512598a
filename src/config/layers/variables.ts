// Environment variables that set configuration keys: OPSD__SERVICES__WEB__STOP_TIMEOUT=5s.

import type { Problem } from '../../errors.ts';
import { nearest } from '../../text/nearest.ts';
import { KEYS, type KeyTree } from '../schema/keys.ts';
import { parseValue, withOrigin } from '../source/parse.ts';
import { emptyTable, find, keyPath, mergeTables, type Node, type Origin, type Table } from '../source/tree.ts';

const PREFIX = 'OPSD__';

interface Overlay {
  readonly table: Table;
  readonly problems: readonly Problem[];
}

/**
 * The layer of the environment. `files`: all files merged. A part of the name of a variable matches a name in them (of a
 * service, of a variable of a service) without regard to case, and `_` matches `-`.
 * `hidesServices`: a file could not be read, and an unknown service may be in it.
 */
export function readVariables(
  environment: Readonly<Record<string, string | undefined>>,
  files: Table,
  hidesServices: boolean,
): Overlay {
  const problems: Problem[] = [];
  const setBy = new Map<string, string>();
  let table = emptyTable(files.origin);
  for (const [variable, text] of Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (text === undefined || !setsKey(variable)) continue;
    const report = (key: string, message: string) => problems.push({ where: variable, line: null, key, message });
    const parts = variable.slice(PREFIX.length).split('__');
    const found = resolve(parts, KEYS, files, []);
    if (!found.ok) {
      if (!hidesServices || !found.isUnknownService) report('', found.message);
      continue;
    }
    const key = keyPath(found.path);
    const other = setBy.get(key);
    if (other !== undefined) report(key, `is set by ${other} already; keep one of the two variables`);
    setBy.set(key, variable);
    const origin = { where: variable, line: null, isSecret: false };
    table = mergeTables(table, nest(found.path, withOrigin(readValue(text, found.tree), origin), origin));
  }
  return { table, problems };
}

/** Whether this environment variable is meant to set a key. */
export function setsKey(variable: string): boolean {
  return variable.toUpperCase().startsWith(PREFIX);
}

/** The value as TOML if that fits the key, else as text: `8080` is a number for a port, a text for a variable of a service. */
function readValue(text: string, tree: KeyTree): unknown {
  const value = parseValue(text);
  return !tree.accepts(value) && tree.accepts(text) ? text : value;
}

type Resolved =
  | { readonly ok: true; readonly path: readonly string[]; readonly tree: KeyTree }
  | { readonly ok: false; readonly message: string; readonly isUnknownService: boolean };

function resolve(parts: readonly string[], tree: KeyTree, known: Node | null, path: readonly string[]): Resolved {
  const [part, ...rest] = parts;
  if (part === undefined) return { ok: true, path, tree };
  if (tree.named !== null) return resolveName(parts, tree.named, known, path);
  for (const [key, below] of tree.keys) {
    if (folded(key) === folded(part)) return resolve(rest, below, known && find(known, [key]), [...path, key]);
  }
  const guess = nearest(part, tree.keys.keys());
  return unknown(path, guess === null ? null : [...path, guess, ...rest]);
}

/** Resolves the name of a service or variable, which may consist of several parts: it may have `__` in it. */
function resolveName(parts: readonly string[], tree: KeyTree, known: Node | null, path: readonly string[]): Resolved {
  const names = known?.kind === 'table' ? [...known.entries.keys()] : [];
  let first: Resolved | null = null;
  for (let length = 1; length <= parts.length; length += 1) {
    const written = parts.slice(0, length).join('__');
    const matches = names.filter((name) => folded(name) === folded(written));
    const exact = matches.filter((name) => name.toLowerCase() === written.toLowerCase());
    const [name, second] = exact.length > 0 ? exact : matches;
    if (name === undefined) continue;
    if (second !== undefined) {
      return { ok: false, message: `may mean "${name}" or "${second}"; set it in a file`, isUnknownService: false };
    }
    const child = known && find(known, [name]);
    const found = resolve(parts.slice(length), tree, child, [...path, name]);
    if (found.ok) return found;
    first ??= found;
  }
  if (first !== null) return first;
  const written = parts.join('__');
  // The variable of a service may be one that no file has; a service may not.
  if (tree.keys.size === 0 && written !== '') return { ok: true, path: [...path, written], tree };
  const guess = nearest(parts[0] ?? '', names);
  const isService = tree.keys.size > 0;
  return { ...unknown(path, guess === null ? null : [...path, guess, ...parts.slice(1)]), isUnknownService: isService };
}

function unknown(path: readonly string[], guess: readonly string[] | null): Resolved & { readonly ok: false } {
  const inside = path.length === 0 ? 'configuration' : keyPath(path);
  const hint = guess === null ? 'unset it, or correct its name' : `did you mean ${variableFor(guess)}?`;
  return { ok: false, message: `names no key of ${inside}; ${hint}`, isUnknownService: false };
}

function variableFor(path: readonly string[]): string {
  return `${PREFIX}${path.map((part) => part.toUpperCase().replaceAll('-', '_')).join('__')}`;
}

function folded(name: string): string {
  return name.toLowerCase().replaceAll('-', '_');
}

/** A table that has only `node`, at `path`. */
function nest(path: readonly string[], node: Node, origin: Origin): Table {
  const [first, ...rest] = path;
  if (first === undefined) return emptyTable(origin);
  const inner = rest.length === 0 ? node : nest(rest, node, origin);
  return { kind: 'table', origin, entries: new Map([[first, inner]]) };
}
