// Merges the three layers: config.toml with its included files, then the environment, then env.toml.

import type { Problem } from '../../errors.ts';
import { didYouMean } from '../../text/nearest.ts';
import { KEYS } from '../schema/keys.ts';
import { SHORTHANDS } from '../schema/schema.ts';
import type { Document } from '../source/parse.ts';
import { emptyTable, find, keyPath, mergeTables, type Node, subtable, type Table } from '../source/tree.ts';
import { readVariables } from './variables.ts';

export interface SourceFile {
  /** base: config.toml. include: a file that config.toml includes. secret: env.toml. */
  readonly role: 'base' | 'include' | 'secret';
  readonly document: Document;
}

interface Layers {
  /** All layers, weakest first, merged. */
  readonly table: Table;
  readonly problems: readonly Problem[];
}

/** `hidesServices`: a file could not be read, and may have services that are not in `files`. */
export function mergeLayers(
  files: readonly SourceFile[],
  environment: Readonly<Record<string, string | undefined>>,
  hidesServices: boolean,
): Layers {
  const problems: Problem[] = [];
  let base = emptyTable({ where: files[0]?.document.where ?? 'configuration', line: null, isSecret: false });
  const services = new Map<string, Node>();
  let secret = emptyTable(base.origin);
  for (const { role, document } of files) {
    if (!document.ok) {
      problems.push(document.problem);
      continue;
    }
    problems.push(...checkTopLevel(document.table, role));
    if (role !== 'secret') problems.push(...checkSecrets(document.table));
    const table = expandShorthands(withoutScalars(document.table));
    checkStrings(table, [], problems);
    if (role === 'secret') secret = table;
    else {
      if (role === 'base') base = table;
      problems.push(...addServices(services, table));
    }
  }
  const entries = new Map(base.entries);
  entries.delete('include');
  if (services.size > 0) entries.set('services', { kind: 'table', origin: base.origin, entries: services });
  const written: Table = { ...base, entries };
  const variables = readVariables(environment, mergeTables(written, secret), hidesServices);
  problems.push(...variables.problems, ...checkVariables(variables.table), ...checkSecrets(variables.table));
  checkStrings(variables.table, [], problems);
  const set = expandShorthands(withoutScalars(variables.table));
  return { table: mergeTables(mergeTables(written, set), secret), problems };
}

const TOP_LEVEL = ['include', ...KEYS.keys.keys()];

function checkTopLevel(table: Table, role: SourceFile['role']): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [key, { origin, kind }] of table.entries) {
    const report = (message: string) => {
      problems.push({ where: origin.where, line: origin.line, key: keyPath([key]), message });
    };
    if (!TOP_LEVEL.includes(key)) report(`unknown key; ${hintFor(key)}`);
    else if (key === 'include' && role !== 'base') report('only config.toml can include files; move it there');
    else if (key !== 'include' && kind !== 'table') {
      report(`expected a table: write [${key === 'services' ? 'services.NAME' : key}] on a line of its own`);
    } else if (role === 'include' && key !== 'services') {
      report('an included file has services only; move this to config.toml');
    }
  }
  return problems;
}

/** Keys of [daemon] that are allowed in env.toml only. */
const SECRETS = ['http_token'];

function checkSecrets(table: Table): readonly Problem[] {
  return SECRETS.flatMap((key) => {
    const node = find(table, ['daemon', key]);
    if (node === null) return [];
    const { where, line } = node.origin;
    const message =
      'is a secret, and others may read it here; move it to key/env.toml below PREFIX, and make a new one';
    return [{ where, line, key: keyPath(['daemon', key]), message }];
  });
}

/** An example of a key in each table, for a variable that sets the whole table. */
const EXAMPLES: ReadonlyMap<string, string> = new Map([
  ['daemon', 'HTTP'],
  ['defaults', 'STOP_TIMEOUT'],
  ['services', 'NAME__STOP_TIMEOUT'],
]);

function checkVariables(table: Table): readonly Problem[] {
  return [...table.entries].flatMap(([key, { origin, kind }]) => {
    if (kind === 'table') return [];
    const one = `OPSD__${key.toUpperCase()}__${EXAMPLES.get(key) ?? 'KEY'}`;
    const message = `expected a table; set its keys one by one (${one}=…), or unset it`;
    return [{ where: origin.where, line: origin.line, key: keyPath([key]), message }];
  });
}

/** Replaces values in the place of tables by empty tables. They are reported, and must not hide tables of other layers. */
function withoutScalars(table: Table): Table {
  const entries = new Map(table.entries);
  for (const [key, { kind, origin }] of table.entries) {
    if (kind === 'leaf' && KEYS.keys.has(key)) entries.set(key, emptyTable(origin));
  }
  return { ...table, entries };
}

function hintFor(key: string): string {
  const guess = didYouMean(key, TOP_LEVEL);
  if (guess !== '') return guess;
  for (const table of ['daemon', 'defaults']) {
    if (KEYS.keys.get(table)?.keys.has(key)) return `it belongs in [${table}]`;
  }
  return `expected one of ${TOP_LEVEL.join(', ')}`;
}

/** Reports NUL bytes: the kernel ends every argument and variable of a new program at one. */
function checkStrings(node: Node, path: string[], problems: Problem[]): void {
  if (node.kind === 'table') {
    for (const [key, child] of node.entries) {
      path.push(key);
      checkStrings(child, path, problems);
      path.pop();
    }
  } else if (hasNul(node.value) || path.some(hasNul)) {
    const message = 'has a NUL byte in it, which no program can be given; remove it';
    problems.push({ where: node.origin.where, line: node.origin.line, key: keyPath(path), message });
  }
}

function hasNul(value: unknown): boolean {
  return typeof value === 'string' ? value.includes('\0') : Array.isArray(value) && value.some(hasNul);
}

/** Adds the services of one file; a service that another file has defined is reported, and keeps its first definition. */
function addServices(services: Map<string, Node>, file: Table): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [name, node] of subtable(file, 'services')?.entries ?? []) {
    const first = services.get(name)?.origin;
    if (first === undefined) services.set(name, node);
    else {
      const message = `is defined in ${first.where}:${first.line} too; a service belongs in one file`;
      problems.push({ where: node.origin.where, line: node.origin.line, key: keyPath(['services', name]), message });
    }
  }
  return problems;
}

/** `heartbeat = "30s"` becomes `heartbeat = { timeout = "30s" }`, so that layers merge in both forms. */
function expandShorthands(table: Table): Table {
  const entries = new Map(table.entries);
  const defaults = subtable(table, 'defaults');
  if (defaults !== null) entries.set('defaults', expandService(defaults));
  const services = subtable(table, 'services');
  if (services !== null) {
    const expanded = [...services.entries].map(([name, node]) => [name, expandService(node)] as const);
    entries.set('services', { ...services, entries: new Map(expanded) });
  }
  return { ...table, entries };
}

function expandService(service: Node): Node {
  if (service.kind !== 'table') return service;
  let entries: Map<string, Node> | null = null;
  for (const [key, short] of SHORTHANDS) {
    const node = service.entries.get(key);
    if (node?.kind !== 'leaf') continue;
    entries ??= new Map(service.entries);
    entries.set(key, { kind: 'table', origin: node.origin, entries: new Map([[short, node]]) });
  }
  return entries === null ? service : { ...service, entries };
}
