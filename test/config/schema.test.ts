// The keys: those of the contract, each described, and the same ones everywhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEYS, type KeyTree } from '../../src/config/keys.ts';
import { looksSecret } from '../../src/config/redaction.ts';
import { jsonSchema } from '../../src/config/schema.ts';
import { configOf } from './loading.ts';

/** The contract, key by key. */
const DAEMON = [
  ...['http', 'log_level', 'log_dir', 'log_format', 'watch_config', 'start_concurrency', 'shutdown_timeout'],
  ...['socket_mode', 'socket_group', 'page_logs', 'on_event', 'on_event_secrets'],
];
const SERVICE = [
  ...['command', 'cwd', 'user', 'group', 'umask', 'nice', 'oom_score_adj', 'env', 'env_file', 'pass_env', 'enabled'],
  ...['restart', 'backoff.initial', 'backoff.factor', 'backoff.max', 'backoff.jitter', 'stable_after', 'max_failures'],
  ...['retry_failed', 'fatal_exit_codes', 'success_exit_codes', 'stop_signal', 'stop_timeout', 'heartbeat.timeout'],
  ...['heartbeat.grace', 'heartbeat.file', 'log.mode', 'log.timestamps', 'depends_on', 'after', 'ready.on'],
  ...['ready.timeout', 'ready.delay'],
];

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
}

test('the schema has the keys of the contract, no other', () => {
  const daemon = KEYS.keys.get('daemon');
  const service = KEYS.keys.get('services')?.named;
  assert.ok(daemon && service);
  assert.deepEqual(pathsOf(daemon).toSorted(), DAEMON.toSorted());
  assert.deepEqual(pathsOf(service).toSorted(), SERVICE.toSorted());
});

test('the effective values have the keys of the schema', () => {
  const { effective, services } = configOf({
    base: `[daemon]
socket_group = "g"
[[daemon.on_event]]
when = ["failed"]
exec = ["notify"]
[services.db]
command = "x"
[services.web]
command = "x"
user = "u"
group = "g"
env_file = "f"
env = { A = "1" }
heartbeat = "1s"
ready = { on = "delay" }
depends_on = ["db"]
`,
  });
  const found = [...(services.get('web')?.effective.keys() ?? [])].map((key) =>
    key.replace(/^(env|depends_on)\..*/, '$1'),
  );
  assert.deepEqual(found.toSorted(), SERVICE.toSorted());
  // Secrets are in the hooks they belong to.
  assert.deepEqual([...effective.keys(), 'on_event_secrets'].toSorted(), DAEMON.toSorted());
});

test('JSON Schema has them too, each with a description', () => {
  const root: JsonSchema = jsonSchema();
  assert.deepEqual(Object.keys(root.properties ?? {}), ['include', 'daemon', 'defaults', 'services']);
  const services = root.properties?.services?.additionalProperties;
  assert.ok(typeof services === 'object');
  assert.deepEqual(leavesOf(services).toSorted(), SERVICE.toSorted());
  const defaults = root.properties?.defaults;
  assert.ok(defaults);
  assert.deepEqual(leavesOf(defaults).toSorted(), SERVICE.toSorted());
  const daemon = root.properties?.daemon;
  assert.ok(daemon);
  assert.deepEqual(leavesOf(daemon).toSorted(), DAEMON.toSorted());
});

test('JSON Schema tells the defaults as they are written, and both forms of a short key', () => {
  const root: JsonSchema = jsonSchema();
  const services = root.properties?.services?.additionalProperties;
  assert.ok(typeof services === 'object');
  const { stop_timeout, heartbeat, log, command } = services.properties ?? {};
  assert.equal(stop_timeout?.default, '30s');
  assert.deepEqual(
    heartbeat?.anyOf?.map(({ type }) => type),
    ['string', 'object'],
  );
  assert.deepEqual(
    log?.anyOf?.map(({ type }) => type),
    ['string', 'object'],
  );
  assert.deepEqual(
    command?.anyOf?.map(({ type }) => type),
    ['string', 'array'],
  );
  assert.equal(services.additionalProperties, false, 'editors mark unknown keys');
});

test('no key of opsd itself looks like the name of a secret, but the one that is', () => {
  assert.deepEqual(
    [...DAEMON, ...SERVICE].filter((key) => looksSecret(key.split('.'))),
    ['on_event_secrets'],
  );
});

function pathsOf({ keys }: KeyTree): string[] {
  return [...keys].flatMap(([key, below]) =>
    below.keys.size === 0 ? [key] : pathsOf(below).map((rest) => `${key}.${rest}`),
  );
}

function leavesOf(schema: JsonSchema): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    assert.ok((value.description ?? '').length > 10, `${key} has no description`);
    const table = value.properties ? value : value.anyOf?.find(({ properties }) => properties !== undefined);
    return table ? leavesOf(table).map((rest) => `${key}.${rest}`) : [key];
  });
}
