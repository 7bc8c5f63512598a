// What keys there are, level by level: for suggestions, and for variables that name a key.

import { DEPENDENCY_STATES } from '../values/dependency.ts';
import { type Schema, validate } from './forms.ts';
import { DAEMON, SERVICE, SERVICE_TABLES, TLS } from './schema.ts';

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

function branch(
  shape: Readonly<Record<string, Schema<unknown>>>,
  inner: Readonly<Record<string, KeyTree>> = {},
): KeyTree {
  const keys = Object.entries(shape).map(([key, schema]) => {
    return [key, inner[key] ?? leaf((value) => validate(schema, value).ok)] as const;
  });
  return { keys: new Map(keys), named: null, accepts: anything };
}

const names = (below: KeyTree): KeyTree => ({ keys: new Map(), named: below, accepts: anything });

const serviceKeys = branch(SERVICE, {
  ...Object.fromEntries(Object.entries(SERVICE_TABLES).map(([key, shape]) => [key, branch(shape)])),
  env: names(leaf((value) => typeof value === 'string')),
  depends_on: names(leaf((value) => DEPENDENCY_STATES.some((state) => state === value))),
});

/** The whole of config.toml but `include`, which only the file itself can say. */
export const KEYS: KeyTree = {
  keys: new Map<string, KeyTree>([
    ['daemon', branch(DAEMON, { tls: branch(TLS) })],
    ['defaults', serviceKeys],
    ['services', names(serviceKeys)],
  ]),
  named: null,
  accepts: anything,
};
