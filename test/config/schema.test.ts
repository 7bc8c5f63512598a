// The keys: those of the contract, each described, and the same ones everywhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEYS, type KeyTree } from '../../src/config/schema/keys.ts';
import { jsonSchema } from '../../src/config/schema/schema.ts';
import { isSecretKey } from '../../src/config/secrets/names.ts';
import type { EffectiveValue, InForce } from '../../src/core/model/spec.ts';
import { EVERY_SERVICE_KEY } from './every-key.ts';
import { configOf, serviceOf } from './loading.ts';

/** The contract, key by key. */
const DAEMON = [
  ...['http', 'log_level', 'log_dir', 'log_format', 'watch_config', 'start_concurrency', 'shutdown_timeout'],
  ...['heartbeat_file', 'socket_mode', 'socket_group', 'page_logs', 'exit_when', 'on_event', 'on_event_secrets'],
  ...['tls.cert', 'tls.key', 'tls.client_ca', 'http_token'],
];
const SERVICE = [
  ...['command', 'cwd', 'user', 'group', 'umask', 'nice', 'oom_score_adj', 'env', 'env_file', 'pass_env', 'enabled'],
  ...[
    'restart',
    'backoff.initial',
    'backoff.factor',
    'backoff.max',
    'backoff.jitter',
    'stable_after',
    'max_failures',
    'max_failures_in',
  ],
  ...['retry_failed', 'fatal_exit_codes', 'success_exit_codes', 'stop_signal', 'stop_timeout', 'heartbeat.timeout'],
  ...['heartbeat.grace', 'heartbeat.file', 'log.mode', 'log.timestamps', 'depends_on', 'after', 'ready.on'],
  ...['ready.timeout', 'ready.delay', 'ready.url', 'ready.status', 'ready.address', 'ready.command', 'ready.pattern'],
  ...['ready.interval', 'health.http', 'health.tcp', 'health.exec', 'health.status', 'health.interval'],
  ...['health.timeout', 'health.failures', 'health.successes', 'health.on_failure', 'on_dependency_restart', 'type'],
  ...['timeout', 'schedule', 'timezone', 'overlap', 'random_delay', 'catch_up', 'on_failed', 'before_start.command'],
  ...['before_start.timeout', 'after_stop.command', 'after_stop.timeout', 'tags', 'instances', 'limits.nofile'],
  ...['limits.core', 'limits.memory', 'limits.memory_high', 'limits.cpu', 'limits.tasks', 'limits.io_weight', 'ionice'],
  ...['no_new_privileges', 'capabilities', 'sockets', 'wrapper', 'rollout.max_unavailable', 'rollout.max_surge'],
  ...['rollout.on_failure'],
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

/** Every key of a service and of [daemon]. */
const EVERYTHING = configOf({
  ...EVERY_SERVICE_KEY,
  base: `[daemon]
socket_group = "g"
tls = { cert = "c", key = "k", client_ca = "a" }
[[daemon.on_event]]
when = ["failed"]
exec = ["notify"]
${EVERY_SERVICE_KEY.base}`,
  secret: `daemon.http_token = "0123456789abcdef"
${EVERY_SERVICE_KEY.secret}`,
});

/** What is named by people is told by its table. */
function keysOf(which: (value: EffectiveValue) => boolean): readonly string[] {
  const values = [...EVERYTHING.services.values()].flatMap((spec) => [...spec.effective]);
  const found = values.filter(([, value]) => which(value)).map(([key]) => key.replace(/^(env|depends_on)\..*/, '$1'));
  return [...new Set(found)].toSorted();
}

test('the effective values have the keys of the schema', () => {
  assert.deepEqual(
    keysOf(() => true),
    SERVICE.toSorted(),
  );
  // Secrets are in the hooks they belong to.
  assert.deepEqual([...EVERYTHING.effective.keys(), 'on_event_secrets'].toSorted(), DAEMON.toSorted());
});

test('these keys change under a running process, and no others', () => {
  const sections = ['backoff', 'ready', 'health', 'rollout', 'before_start', 'after_stop'];
  const keys = [
    ...[
      'enabled',
      'restart',
      'stable_after',
      'max_failures',
      'max_failures_in',
      'retry_failed',
      'fatal_exit_codes',
      'tags',
    ],
    ...['success_exit_codes', 'stop_signal', 'stop_timeout', 'depends_on', 'after', 'on_dependency_restart', 'type'],
    ...['instances', 'timeout', 'schedule', 'timezone', 'overlap', 'random_delay', 'catch_up', 'on_failed'],
    ...['heartbeat.timeout', 'heartbeat.grace', 'log.timestamps'],
  ];
  const isInPlace = (key: string) => keys.includes(key) || sections.includes(key.split('.')[0] ?? '');
  assert.deepEqual(
    keysOf(({ inForce }) => inForce === 'at_once'),
    SERVICE.filter(isInPlace).toSorted(),
  );
  assert.deepEqual(
    keysOf(({ inForce }) => inForce === 'anew'),
    SERVICE.filter((key) => !isInPlace(key)).toSorted(),
  );
});

test('a reload brings these keys of [daemon] into force, and no others', () => {
  const keysOfDaemon = (which: InForce) =>
    [...EVERYTHING.effective].filter(([, { inForce }]) => inForce === which).map(([key]) => key);
  const now = ['http_token', 'log_level', 'watch_config', 'start_concurrency', 'shutdown_timeout', 'exit_when'];
  assert.deepEqual(keysOfDaemon('at_once'), [...now, 'page_logs', 'on_event']);
  assert.deepEqual(keysOfDaemon('at_once_if_replaced'), ['tls.cert', 'tls.key', 'tls.client_ca']);
  assert.deepEqual(keysOfDaemon('anew'), [
    'http',
    'log_dir',
    'log_format',
    'heartbeat_file',
    'socket_mode',
    'socket_group',
  ]);
});

test('keys that ask for nothing are no part of what a process is born with: the next version must not restart it', () => {
  const { effective } = serviceOf('[services.web]\ncommand = "x"\n');
  const birth = [...effective].filter(([, { inForce }]) => inForce === 'anew').map(([key]) => key);
  assert.deepEqual(birth.toSorted(), [
    ...['command', 'cwd', 'heartbeat.file', 'log.mode', 'nice', 'oom_score_adj', 'pass_env', 'umask'],
  ]);
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

test('no key of opsd itself looks like the name of a secret, but those that are', () => {
  assert.deepEqual(
    [...DAEMON, ...SERVICE].filter((key) => isSecretKey(key.split('.'))),
    ['on_event_secrets', 'http_token'],
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
