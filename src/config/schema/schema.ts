// The schemas of config.toml, made of the rows of its keys.

import { DAEMON } from './daemon-keys.ts';
import { described, named, optional, type Schema, strings, table, toJsonSchema, type ValuesOf } from './forms.ts';
import { formsOf } from './rows.ts';
import { READY_MEANING, SERVICE } from './service-keys.ts';
import { BEFORE_START, READY } from './service-tables.ts';

/** Keys for which a single value is short for a table with this one key. */
export const SHORTHANDS: ReadonlyMap<string, string> = new Map([
  ['heartbeat', 'timeout'],
  ['log', 'mode'],
  ['ready', 'on'],
  ['before_start', 'command'],
  ['after_stop', 'command'],
]);

export const daemonSchema = table(formsOf(DAEMON));
const service = formsOf(SERVICE);
export const serviceSchema = table(service);

const ready = formsOf(READY);
const hook = formsOf(BEFORE_START);
const inheritedHook = () => optional(table({ ...hook, command: optional(hook.command) }));
/** What each service has to say for itself may be left out of [defaults]. */
export const defaultsSchema = table({
  ...service,
  command: optional(service.command),
  ready: described(READY_MEANING, optional(table({ ...ready, on: optional(ready.on) }))),
  before_start: described('As of a service.', inheritedHook()),
  after_stop: described('As of a service.', inheritedHook()),
});

export type DaemonValues = ValuesOf<typeof daemonSchema>;
export type ServiceValues = ValuesOf<typeof serviceSchema>;

/** The law for names: files, labels and URLs are made of them. */
export const SERVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** JSON Schema of config.toml. */
export function jsonSchema(): object {
  const root: Schema<unknown> = table({
    include: described('More files with services, relative to this one: "services.d/*.toml".', optional(strings())),
    daemon: optional(daemonSchema),
    defaults: described('Any key of a service, for all of them.', optional(defaultsSchema)),
    services: optional(named(SERVICE_NAME, serviceSchema)),
  });
  return toJsonSchema(root, (json, at, written) => {
    const short = SHORTHANDS.get(String(at.at(-1)));
    const inner = short === undefined ? undefined : json.properties?.[short];
    if (at.at(-2) !== 'properties' || inner === undefined) return;
    const { description, default: _, ...tableForm } = { ...json };
    for (const keyword of Object.keys(json)) delete json[keyword];
    Object.assign(json, { description, default: written, anyOf: [inner, tableForm] });
  });
}
