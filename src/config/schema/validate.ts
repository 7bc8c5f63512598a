// Reads a table with its schema; what zod finds becomes problems with places and remedies.

import { didYouMean } from '../../text/nearest.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings } from '../report/problems.ts';
import { shown } from '../report/redaction.ts';
import { find, plain, prune, type Table } from '../source/tree.ts';
import { keyForForeign } from './foreign-keys.ts';
import { type Mistake, type Schema, validate } from './forms.ts';
import type { KeyTree } from './keys.ts';

interface TableForm<T> {
  readonly schema: Schema<T>;
  /** The keys of the schema, for suggestions. */
  readonly keys: KeyTree;
  /** The rest of the table is in a file that could not be read. */
  readonly isFragment: boolean;
  /** Values for missing keys that have no default, so that the rest of the table can be checked. */
  readonly placeholders: Readonly<Record<string, unknown>>;
}

/** What is left out at first may leave something out that is needed with it. */
const MOST_ROUNDS = 3;

/**
 * The values of `table`. What is wrong is reported and read as if it were not there: the rest is judged all the same,
 * and whoever sees problems in `findings` uses none of it. null: not even that can be read.
 */
export function readTable<T>(table: Table, form: TableForm<T>, locate: Locate, findings: Findings): T | null {
  const result = validate(form.schema, plain(table));
  if (result.ok) return result.value;
  for (const mistake of result.mistakes) report(mistake, table, form, locate, findings);
  let rest = table;
  let { mistakes } = result;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    for (const { path, unknownKeys } of mistakes) {
      if (unknownKeys.length === 0) rest = prune(rest, path);
      for (const key of unknownKeys) rest = prune(rest, [...path, key]);
    }
    const again = validate(form.schema, Object.assign(Object.create(null), form.placeholders, plain(rest)));
    if (again.ok) return again.value;
    mistakes = again.mistakes;
  }
  return null;
}

function report<T>(mistake: Mistake, table: Table, form: TableForm<T>, locate: Locate, findings: Findings): void {
  const { path, unknownKeys, expected, hint } = mistake;
  for (const key of unknownKeys) {
    findings.problem(locate([...path, key]), `unknown key; ${suggestion(key, path, form.keys)}`);
  }
  if (unknownKeys.length > 0) return;
  const place = locate(path);
  const node = find(
    table,
    path.filter((part) => typeof part !== 'number'),
  );
  if (node === null) {
    if (!form.isFragment) findings.absence(place, `is missing; expected ${expected}`);
    return;
  }
  const value = plain(node);
  const element = path.findLast((part) => typeof part === 'number');
  const isInList = typeof element === 'number' && Array.isArray(value);
  const got = shown(isInList ? value[element] : value, place.isSecret);
  const where = isInList ? ` in element ${element + 1}` : '';
  // A hint may quote the value.
  const remedy = hint === '' || place.isSecret ? '' : `; ${hint}`;
  findings.problem(place, `expected ${expected}, got ${got}${where}${remedy}`);
}

function suggestion(key: string, path: readonly PropertyKey[], tree: KeyTree): string {
  let level: KeyTree | undefined = tree;
  for (const part of path) level = level?.keys.get(String(part));
  const known = [...(level?.keys.keys() ?? [])];
  // Only where the keys of a service stand.
  const foreign = known.includes('command') ? keyForForeign(key) : null;
  if (foreign !== null && !known.some((one) => one === key.toLowerCase())) return `did you mean "${foreign}"?`;
  return didYouMean(key, known) || `the keys here are ${known.toSorted().join(', ')}`;
}
