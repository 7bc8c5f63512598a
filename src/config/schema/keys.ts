// What keys there are, level by level: for suggestions, and for variables that name a key.

import { DEPENDENCY_STATES } from '../values/dependency.ts';
import { DAEMON } from './daemon-keys.ts';
import { validate } from './forms.ts';
import type { Form } from './rows.ts';
import { SERVICE } from './service-keys.ts';

export interface KeyTree {
  readonly keys: ReadonlyMap<string, KeyTree>;
  /** What stands below names that people choose themselves; null: there are none of these. */
  readonly named: KeyTree | null;
  /** Whether a value of this form can stand here. */
  accepts(value: unknown): boolean;
}

const anything = () => true;

function leaf(accepts: (value: unknown) => boolean): KeyTree {
  return { keys: new Map(), named: null, accepts };
}

interface KeyRows {
  readonly [key: string]: { readonly form: Form; readonly rows: KeyRows | null };
}

function branch(rows: KeyRows, inner: Readonly<Record<string, KeyTree>> = {}): KeyTree {
  const keys = Object.entries(rows).map(([key, { form, rows: below }]) => {
    const tree = below === null ? leaf((value) => validate(form, value).ok) : branch(below);
    return [key, inner[key] ?? tree] as const;
  });
  return { keys: new Map(keys), named: null, accepts: anything };
}

const names = (below: KeyTree): KeyTree => ({ keys: new Map(), named: below, accepts: anything });

const serviceKeys = branch(SERVICE, {
  env: names(leaf((value) => typeof value === 'string')),
  depends_on: names(leaf((value) => DEPENDENCY_STATES.some((state) => state === value))),
});

/** The whole of config.toml but `include`, which only the file itself can say. */
export const KEYS: KeyTree = {
  keys: new Map<string, KeyTree>([
    ['daemon', branch(DAEMON)],
    ['defaults', serviceKeys],
    ['services', names(serviceKeys)],
  ]),
  named: null,
  accepts: anything,
};
