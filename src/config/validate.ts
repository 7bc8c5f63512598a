// Reads a table with its schema; what zod finds becomes problems with places and remedies.

import type { KeyTree } from './keys.ts';
import { didYouMean } from './nearest.ts';
import type { Findings, Place } from './problems.ts';
import { shown } from './redaction.ts';
import { type Schema, validate } from './schema.ts';
import { find, plain, type Table } from './tree.ts';

/** Where something stands, by its path in the table that is read. */
export type Locate = (path: readonly PropertyKey[]) => Place;

export interface Form<T> {
  readonly schema: Schema<T>;
  /** The keys of the schema, for suggestions. */
  readonly keys: KeyTree;
  /** Part of the configuration could not be read: what is missing here may be there. */
  readonly isIncomplete: boolean;
}

/** The values of `table`, or null with the reasons in `findings`. */
export function readTable<T>(table: Table, form: Form<T>, locate: Locate, findings: Findings): T | null {
  const result = validate(form.schema, plain(table));
  if (result.ok) return result.value;
  for (const { path, unknownKeys, expected, hint } of result.mistakes) {
    for (const key of unknownKeys) {
      const place = locate([...path, key]);
      findings.problem(place, `unknown key; ${suggestion(key, path, form.keys)}`);
    }
    if (unknownKeys.length > 0) continue;
    const place = locate(path);
    const node = find(
      table,
      path.filter((part) => typeof part !== 'number'),
    );
    const value = node === null ? undefined : plain(node);
    const element = path.findLast((part) => typeof part === 'number');
    if (value === undefined) {
      if (!form.isIncomplete) findings.problem(place, `is missing; expected ${expected}`);
      continue;
    }
    const got = typeof element === 'number' && Array.isArray(value) ? value[element] : value;
    const what = shown(got, place.isSecret);
    const inList = typeof element === 'number' ? ` in element ${element + 1}` : '';
    // A hint may quote the value.
    const remedy = hint === '' || place.isSecret ? '' : `; ${hint}`;
    findings.problem(place, `expected ${expected}, got ${what}${inList}${remedy}`);
  }
  return null;
}

function suggestion(key: string, path: readonly PropertyKey[], tree: KeyTree): string {
  let level: KeyTree | undefined = tree;
  for (const part of path) level = level?.keys.get(String(part));
  const known = [...(level?.keys.keys() ?? [])];
  return didYouMean(key, known) || `the keys here are ${known.toSorted().join(', ')}`;
}
