// Configuration values that know where they were written; layers are trees of them.

/** The file and line, or the variable, that a value comes from. */
export interface Origin {
  /** The path of the file as messages show it, or the name of the environment variable. */
  readonly where: string;
  /** 1-based; null for a variable. */
  readonly line: number | null;
  /** The value comes from env.toml, and is never shown. */
  readonly isSecret: boolean;
}

export interface Table {
  readonly kind: 'table';
  readonly origin: Origin;
  readonly entries: ReadonlyMap<string, Node>;
}

/** Any other value. A list is a leaf, too: a list of a stronger layer replaces one, it is not merged. */
interface Leaf {
  readonly kind: 'leaf';
  readonly origin: Origin;
  readonly value: unknown;
}

export type Node = Table | Leaf;

export function emptyTable(origin: Origin): Table {
  return { kind: 'table', origin, entries: new Map() };
}

/** `stronger` over `weaker`: tables key by key, everything else as a whole. */
function merge(weaker: Node, stronger: Node): Node {
  return weaker.kind === 'table' && stronger.kind === 'table' ? mergeTables(weaker, stronger) : stronger;
}

export function mergeTables(weaker: Table, stronger: Table): Table {
  if (stronger.entries.size === 0) return weaker;
  if (weaker.entries.size === 0) return stronger;
  const entries = new Map(weaker.entries);
  for (const [key, node] of stronger.entries) {
    const below = entries.get(key);
    entries.set(key, below === undefined ? node : merge(below, node));
  }
  return { kind: 'table', origin: weaker.origin, entries };
}

/** The node at exactly this path. */
export function find(node: Node, path: readonly PropertyKey[]): Node | null {
  let found: Node = node;
  for (const part of path) {
    const next: Node | undefined = found.kind === 'table' ? found.entries.get(String(part)) : undefined;
    if (next === undefined) return null;
    found = next;
  }
  return found;
}

/** The node at this path, or the innermost existing node around it. */
export function findNearest(node: Node, path: readonly PropertyKey[]): Node {
  let found: Node = node;
  for (const part of path) {
    const next: Node | undefined = found.kind === 'table' ? found.entries.get(String(part)) : undefined;
    if (next === undefined) return found;
    found = next;
  }
  return found;
}

/** `table` without the node at `path`, or without the innermost existing node around it. */
export function prune(table: Table, path: readonly PropertyKey[]): Table {
  const [first, ...rest] = path;
  const key = String(first);
  const child = table.entries.get(key);
  if (child === undefined) return table;
  const entries = new Map(table.entries);
  const isFurther = child.kind === 'table' && child.entries.has(String(rest[0]));
  if (isFurther) entries.set(key, prune(child, rest));
  else entries.delete(key);
  return { ...table, entries };
}

/** The table at `key`; null: there is none, or another value. */
export function subtable(table: Table, key: string): Table | null {
  const node = table.entries.get(key);
  return node?.kind === 'table' ? node : null;
}

/** The values without their origins, as a schema reads them. */
export function plain(node: Node): unknown {
  if (node.kind === 'leaf') return node.value;
  // No prototype: a key such as __proto__ or toString is only a key here.
  const values: Record<string, unknown> = Object.create(null);
  for (const [key, child] of node.entries) values[key] = plain(child);
  return values;
}

/** `services."a b".command`: as TOML would write it. */
export function keyPath(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (/^[A-Za-z0-9_-]+$/.test(String(part)) ? String(part) : JSON.stringify(String(part))))
    .join('.');
}
