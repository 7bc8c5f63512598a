// A row is all that is known of one key: its form, its field of the spec, when a change is in force, how it is shown.

import type { InForce } from '../../core/model/spec.ts';
import { described, type Schema } from './forms.ts';

export type Form = Schema<unknown>;

/** A spec whose fields are filled in one by one. */
export type Draft<T> = { -readonly [K in keyof T]?: T[K] };

/** The row of a key that is no table. `P`: what `show` reads the effective value from, such as the spec of [daemon]. */
export interface LeafRow<P> {
  readonly form: Form;
  readonly rows: null;
  readonly inForce: InForce;
  /** The field of the spec, or what else the effective value is made from; null: the value as it was written. */
  readonly fieldOf: ((parts: P) => unknown) | null;
  /**
   * Makes the effective value, in one form however it was written, so that equal settings compare equal; null: the key is
   * not set. `last`: what was shown before, which is the same if the field is.
   */
  readonly show: (parts: P, last: Shown | undefined) => unknown;
  /** The key that this value is made from by default: if that one is secret, so is this. */
  readonly madeFrom: readonly string[] | null;
  /** The parts of a secret value that opsd also names alone: host and path of a target, folder of a file. */
  readonly alone: 'target' | 'folder' | null;
}

interface Shown {
  readonly field: unknown;
  readonly raw: unknown;
}

export type Rows<P> = Readonly<Record<string, LeafRow<P> | { readonly form: Form; readonly rows: Rows<P> }>>;

/** What differs from a usual key, whose effective value is its field. */
export interface How<V> {
  readonly show?: ((field: V) => unknown) | 'as written';
  readonly madeFrom?: readonly string[];
  readonly alone?: 'target' | 'folder';
}

/** The value is the field. */
export const same = <T>(value: T): T => value;
/** The value is the field, and null when it is not set. */
export const orNull = <T>(value: T | undefined): T | null => value ?? null;
/** For keys whose effective values are made elsewhere, or that have none. */
export const unshown = (): null => null;
/** For keys that do not decide a field alone. */
export const nothing = (): void => {};

export function leaf<P, V, S extends Form>(
  inForce: InForce,
  description: string,
  form: S,
  fieldOf: (parts: P) => V,
  { show = same, madeFrom, alone }: How<V>,
) {
  const showNew = (parts: P, last: Shown | undefined): unknown => {
    const field = fieldOf(parts);
    if (last !== undefined && last.field === field) return last.raw;
    return show === 'as written' ? field : show(field);
  };
  return {
    form: described(description, form),
    rows: null,
    inForce,
    fieldOf: show === 'as written' ? null : fieldOf,
    show: showNew,
    madeFrom: madeFrom ?? null,
    alone: alone ?? null,
  } as const;
}

/** The row of a table whose keys have rows and fields of their own. */
export function section<S extends Form, R extends object>(description: string, rows: R, form: S) {
  return { form: described(description, form), rows, field: null, put: nothing, puts: null } as const;
}

/** The row of a table that is one field as a whole. */
export function withRows<R extends object, S, F, T>(
  rows: R,
  row: Putting<S, F, T>,
): Putting<S, F, T> & { readonly rows: R } {
  const { form, field, put, puts } = row;
  return { form, rows, field, put, puts };
}

interface Putting<S, F, T> {
  readonly form: S;
  readonly field: F;
  readonly puts: F;
  readonly put: T;
}

/** The forms of the keys of a table, for its schema. */
export function formsOf<R extends Formed<R>>(rows: R): Forms<R> {
  const forms: Partial<Forms<R>> = {};
  for (const key in rows) forms[key] = rows[key].form;
  assertWhole(forms, Object.keys(rows));
  return forms;
}

type Formed<R> = { readonly [K in keyof R]: { readonly form: Form } };
type Forms<R extends Formed<R>> = { [K in keyof R]: R[K]['form'] };

/** Narrows an object that was filled key by key. */
export function assertWhole<T extends object>(part: Partial<T>, keys: readonly string[]): asserts part is T {
  for (const key of keys) if (!(key in part)) throw new Error(`"${key}" is missing`);
}

/** Puts each value into the field that its row names. */
export function filler<T extends object, D>(
  rows: {
    readonly [K in keyof T]-?: { readonly puts: string | null; readonly put: (draft: D, value: T[K]) => void };
  },
): (values: T, draft: D) => void {
  const keys: Extract<keyof T, string>[] = [];
  for (const key in rows) if (rows[key].puts !== null) keys.push(key);
  return (values, draft) => {
    for (const key of keys) rows[key].put(draft, values[key]);
  };
}
