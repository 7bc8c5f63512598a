// The effective values, key by key, as `config --explain` prints them and a reload compares them.

import type { DaemonSpec } from '../../core/model/config.ts';
import type { EffectiveValue, InForce } from '../../core/model/spec.ts';
import { REDACTED } from '../report/redaction.ts';
import { DAEMON } from '../schema/daemon-keys.ts';
import type { LeafRow, Rows } from '../schema/rows.ts';
import type { DaemonValues, ServiceValues } from '../schema/schema.ts';
import { SERVICE } from '../schema/service-keys.ts';
import type { ServiceParts } from '../schema/service-rows.ts';
import { isSecretKey, isSecretName } from '../secrets/names.ts';
import type { Secrets } from '../secrets/secrets.ts';
import { findNearest, type Table } from '../source/tree.ts';

export interface ValueSource {
  readonly source: string;
  readonly isSecret: boolean;
}

/** Where a value comes from when no file and no variable says so. */
const BY_DEFAULT: ValueSource = { source: 'default', isSecret: false };

/** The place a key was written at; a key below a value that was written as one has the place of that value. */
export function sourceOf(table: Table, path: readonly string[]): ValueSource {
  const { kind, origin } = findNearest(table, path);
  if (kind === 'table') return BY_DEFAULT;
  const source = origin.line === null ? origin.where : `${origin.where}:${origin.line}`;
  return { source, isSecret: origin.isSecret };
}

/** A key with its path in a service or in [daemon]. */
interface Key<P> extends LeafRow<P> {
  readonly name: string;
  readonly path: readonly string[];
  /** The value is secret in any file. */
  readonly isSecret: boolean;
}

function keysOf<P>(rows: Rows<P>, above: readonly string[] = []): readonly Key<P>[] {
  return Object.entries(rows).flatMap(([key, row]) => {
    const path = [...above, key];
    return row.rows === null
      ? [{ ...row, name: path.join('.'), path, isSecret: isSecretKey(path) }]
      : keysOf(row.rows, path);
  });
}

/** These keys come first: they say what kind of service it is. */
const { command, type, instances, tags, ...rest } = SERVICE;
const SERVICE_KEYS = keysOf<ServiceParts>({ command, type, instances, tags, ...rest });
const DAEMON_KEYS = keysOf<DaemonSpec>(DAEMON);

/** The last value of each key: with 1,000 services most have the same one from the same place, and need one object. */
export type LastValues = Map<
  string,
  { readonly field: unknown; readonly raw: unknown; readonly isSecret: boolean; readonly value: EffectiveValue }
>;

/** `variables`: where each variable of the service comes from. What is not set is left out. */
export function effectiveService(
  table: Table,
  parts: ServiceParts,
  written: ServiceValues,
  variables: ReadonlyMap<string, ValueSource>,
  last: LastValues,
  secrets: Secrets,
): ReadonlyMap<string, EffectiveValue> {
  const context = { last, secrets };
  const values = collect(table, SERVICE_KEYS, parts, written, context);
  for (const { service, until } of parts.policy.dependsOn) {
    const key = `depends_on.${service}`;
    values.set(key, share(key, until, sourceOf(table, ['depends_on', service]), SERVICE.depends_on, context));
  }
  for (const [name, value] of Object.entries(parts.launch.env)) {
    const key = `env.${name}`;
    const { source, isSecret } = variables.get(name) ?? BY_DEFAULT;
    const from = { source, isSecret: isSecret || isSecretName(name) };
    values.set(key, share(key, value, from, SERVICE.env, context));
  }
  return values;
}

export function effectiveDaemon(
  table: Table,
  daemon: DaemonSpec,
  written: DaemonValues,
  secrets: Secrets,
): Map<string, EffectiveValue> {
  return collect(table, DAEMON_KEYS, daemon, written, { last: new Map(), secrets });
}

interface Context {
  readonly last: LastValues;
  readonly secrets: Secrets;
}

function collect<P>(
  table: Table,
  keys: readonly Key<P>[],
  parts: P,
  written: object,
  context: Context,
): Map<string, EffectiveValue> {
  const values = new Map<string, EffectiveValue>();
  for (const key of keys) {
    const { name, path, madeFrom, fieldOf } = key;
    const raw = fieldOf === null ? valueAt(written, path) : key.show(parts, context.last.get(name));
    if (raw === null) continue;
    const { source, isSecret: isOrigin } = sourceOf(table, path);
    const isSecret = isOrigin || key.isSecret || (madeFrom !== null && sourceOf(table, madeFrom).isSecret);
    if (isSecret && typeof raw === 'string') notePart(key.alone, raw, context.secrets);
    values.set(name, share(name, raw, { source, isSecret }, key, context, fieldOf?.(parts)));
  }
  return values;
}

/** The effective value of a key: the same object as of the service before if nothing differs. */
function share(
  name: string,
  raw: unknown,
  { source, isSecret }: ValueSource,
  { inForce }: Pick<EffectiveValue, 'inForce'>,
  { last, secrets }: Context,
  field?: unknown,
): EffectiveValue {
  const known = last.get(name);
  if (known !== undefined && known.raw === raw && known.isSecret === isSecret && known.value.source === source) {
    return known.value;
  }
  const value = effectiveValue(raw, { source, isSecret }, inForce, secrets);
  last.set(name, { field, raw, isSecret, value });
  return value;
}

function valueAt(written: object, path: readonly string[]): unknown {
  let value: unknown = written;
  for (const part of path) value = isRecord(value) ? value[part] : undefined;
  return value ?? null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function notePart(alone: LeafRow<never>['alone'], raw: string, secrets: Secrets): void {
  if (alone === 'target') secrets.addTarget(raw);
  if (alone === 'folder') secrets.add(raw.slice(0, raw.lastIndexOf('/')));
}

/** What is secret, all of it or a part, is noted as such, and left out of what is printed. */
function effectiveValue(
  raw: unknown,
  { source, isSecret }: ValueSource,
  inForce: InForce,
  secrets: Secrets,
): EffectiveValue {
  if (isSecret) secrets.add(raw);
  const shown = isSecret ? REDACTED : secrets.redact(raw);
  if (shown === raw) return { value: JSON.stringify(raw), secret: false, source, inForce };
  return { value: JSON.stringify(shown), secret: true, source, inForce, whole: () => JSON.stringify(raw) };
}
