// The keys: those of the contract, each described, and the same ones everywhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEYS, type KeyTree } from '../../src/config/schema/keys.ts';
import { jsonSchema } from '../../src/config/schema/schema.ts';
import { isSecretKey } from '../../src/config/secrets/names.ts';
import { isInPlace } from '../../src/core/model/changes.ts';
import { configOf, serviceOf } from './loading.ts';

/** The contract, key by key. */
const DAEMON = [
  ...['http', 'log_level', 'log_dir', 'log_format', 'watch_config', 'start_concurrency', 'shutdown_timeout'],
  ...['socket_mode', 'socket_group', 'page_logs', 'exit_when', 'on_event', 'on_event_secrets'],
  ...['tls.cert', 'tls.key', 'tls.client_ca', 'http_token'],
];
const SERVICE = [
  ...['command', 'cwd', 'user', 'group', 'umask', 'nice', 'oom_score_adj', 'env', 'env_file', 'pass_env', 'enabled'],
  ...['restart', 'backoff.initial', 'backoff.factor', 'backoff.max', 'backoff.jitter', 'stable_after', 'max_failures'],
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

test('the effective values have the keys of the schema', () => {
  const { effective, services } = configOf({
    secret: 'daemon.http_token = "0123456789abcdef"',
    base: `[daemon]
socket_group = "g"
tls = { cert = "c", key = "k", client_ca = "a" }
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
health = { exec = "x" }
timeout = "1s"
schedule = "@daily"
timezone = "UTC"
before_start = "x"
after_stop = "x"
instances = 1
ionice = "idle"
no_new_privileges = true
capabilities = []
wrapper = "x"
sockets = ["web"]
[services.web.limits]
nofile = 9
core = "0"
memory = "1G"
memory_high = "1G"
cpu = "1%"
tasks = 1
io_weight = 1
[services.http]
command = "x"
ready = { on = "http", url = 80, status = 200 }
health = { http = 80, status = 200 }
[services.tcp]
command = "x"
ready = { on = "tcp", address = 80 }
health = { tcp = 80 }
[services.exec]
command = "x"
ready = { on = "exec", command = "x" }
[services.log]
command = "x"
ready = { on = "log", pattern = "x" }
rollout = { max_surge = 1 }
`,
  });
  const found = [...services.values()].flatMap((spec) => [...spec.effective.keys()]);
  const keys = new Set(found.map((key) => key.replace(/^(env|depends_on)\..*/, '$1')));
  assert.deepEqual([...keys].toSorted(), SERVICE.toSorted());
  // Secrets are in the hooks they belong to.
  assert.deepEqual([...effective.keys(), 'on_event_secrets'].toSorted(), DAEMON.toSorted());
});

test('keys that ask for nothing are no part of what a process is born with: the next version must not restart it', () => {
  const birth = [...serviceOf('[services.web]\ncommand = "x"\n').effective.keys()].filter((key) => !isInPlace(key));
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
