// The effective values, key by key, as `config --explain` prints them and a reload compares them.

import type { DaemonSpec, EffectiveValue, Hook, Launch, Limits, Policy, Probe } from '../../core/model/spec.ts';
import { formatDuration, formatMode, formatSize } from '../../text/units.ts';
import { REDACTED } from '../report/redaction.ts';
import type { ServiceValues } from '../schema/schema.ts';
import { isSecretKey, isSecretName } from '../secrets/names.ts';
import type { Secrets } from '../secrets/secrets.ts';
import { findNearest, type Table } from '../source/tree.ts';
import { formatAddress } from '../values/endpoint.ts';
import { describeHook } from '../values/on-event.ts';
import { formatCpuShare, formatIoPriority } from '../values/privileges.ts';

export interface Source {
  readonly source: string;
  readonly isSecret: boolean;
}

/** Where a value comes from when no file and no variable says so. */
const BY_DEFAULT: Source = { source: 'default', isSecret: false };

/** The place a key was written at; a key below a value that was written as one has the place of that value. */
export function sourceOf(table: Table, path: readonly string[]): Source {
  const { kind, origin } = findNearest(table, path);
  if (kind === 'table') return BY_DEFAULT;
  const source = origin.line === null ? origin.where : `${origin.where}:${origin.line}`;
  return { source, isSecret: origin.isSecret };
}

interface ServiceParts {
  readonly launch: Launch;
  readonly policy: Policy;
  /** Absolute. */
  readonly envFile: string | null;
  readonly values: ServiceValues;
}

/** One key: its path, and how to read its value; null: not set. */
interface Key<T> {
  readonly key: string;
  readonly path: readonly string[];
  /** The key whose value shows in this one: if that is secret, so is this. */
  readonly madeFrom: readonly string[] | null;
  read(from: T): unknown;
}

function key<T>(name: string, read: (from: T) => unknown, madeFrom: readonly string[] | null = null): Key<T> {
  return { key: name, path: name.split('.'), madeFrom, read };
}

const span = (value: number | null | undefined) =>
  value === undefined || value === null ? null : formatDuration(value);
const size = (value: number | null) => (value === null ? null : formatSize(value));

/** What is asked, in the key of its kind. */
function asked(probe: Probe | null | undefined, kind: Probe['kind']): unknown {
  if (probe?.kind !== kind) return null;
  if (probe.kind === 'http') return probe.url;
  return probe.kind === 'tcp' ? formatAddress(probe) : probe.command;
}

const statusOf = (probe: Probe | null | undefined) => (probe?.kind === 'http' ? probe.status : null);

/** A port that was not written was in PORT. */
const PORT = ['env', 'PORT'];

function hookKeys(name: string, read: (policy: Policy) => Hook | null): readonly Key<ServiceParts>[] {
  return [
    key(`${name}.command`, ({ policy }) => read(policy)?.command ?? null),
    key(`${name}.timeout`, ({ policy }) => span(read(policy)?.timeout)),
  ];
}

function limitKey(name: string, read: (limits: Limits) => unknown): Key<ServiceParts> {
  return key(`limits.${name}`, ({ launch }) => read(launch.limits));
}

/** In one form whatever form they were written in ("60s" is "1m"), so that equal settings compare equal. */
const SERVICE_KEYS: readonly Key<ServiceParts>[] = [
  key('command', ({ launch }) => launch.command),
  key('type', ({ values }) => values.type),
  key('instances', ({ values }) => values.instances ?? null),
  key('tags', ({ policy }) => policy.tags),
  key('cwd', ({ launch }) => launch.cwd),
  key('user', ({ launch }) => launch.user),
  key('group', ({ launch }) => launch.group),
  key('umask', ({ launch }) => formatMode(launch.umask ?? 0o022)),
  key('nice', ({ launch }) => launch.nice),
  key('oom_score_adj', ({ launch }) => launch.oomScoreAdj),
  key('env_file', ({ envFile }) => envFile, ['cwd']),
  key('pass_env', ({ values }) => values.pass_env),
  key('enabled', ({ policy }) => policy.enabled),
  key('restart', ({ policy }) => policy.restart),
  key('backoff.initial', ({ policy }) => span(policy.backoff.initial)),
  key('backoff.factor', ({ policy }) => policy.backoff.factor),
  key('backoff.max', ({ policy }) => span(policy.backoff.max)),
  key('backoff.jitter', ({ policy }) => policy.backoff.jitter),
  key('stable_after', ({ policy }) => span(policy.stableAfter)),
  key('max_failures', ({ policy }) => policy.maxFailures),
  key('retry_failed', ({ policy }) => span(policy.retryFailed)),
  key('fatal_exit_codes', ({ policy }) => policy.fatalExitCodes),
  key('success_exit_codes', ({ policy }) => policy.successExitCodes),
  key('stop_signal', ({ policy }) => policy.stopSignal),
  key('stop_timeout', ({ policy }) => span(policy.stopTimeout)),
  key('heartbeat.timeout', ({ policy }) => span(policy.heartbeat?.timeout)),
  key('heartbeat.grace', ({ policy }) => span(policy.heartbeat?.grace), ['heartbeat', 'timeout']),
  key('heartbeat.file', ({ launch }) => launch.heartbeatFile, ['cwd']),
  key('log.mode', ({ launch }) => launch.log),
  key('log.timestamps', ({ policy }) => policy.timestamps),
  key('after', ({ policy }) => policy.after),
  key('on_dependency_restart', ({ policy }) => policy.onDependencyRestart),
  key('ready.on', ({ policy }) => policy.ready?.on ?? null),
  key('ready.timeout', ({ policy }) => span(policy.ready?.timeout)),
  key('ready.delay', ({ policy }) => (policy.ready?.on === 'delay' ? span(policy.ready.delay) : null)),
  key('ready.url', ({ policy }) => asked(policy.ready?.probe, 'http'), PORT),
  key('ready.status', ({ policy }) => statusOf(policy.ready?.probe)),
  key('ready.address', ({ policy }) => asked(policy.ready?.probe, 'tcp'), PORT),
  key('ready.command', ({ policy }) => asked(policy.ready?.probe, 'exec')),
  key('ready.pattern', ({ policy }) => policy.ready?.pattern ?? null),
  key('ready.interval', ({ policy }) => (policy.ready?.probe ? span(policy.ready.interval) : null)),
  key('health.http', ({ policy }) => asked(policy.health?.probe, 'http'), PORT),
  key('health.tcp', ({ policy }) => asked(policy.health?.probe, 'tcp')),
  key('health.exec', ({ policy }) => asked(policy.health?.probe, 'exec')),
  key('health.status', ({ policy }) => statusOf(policy.health?.probe)),
  key('health.interval', ({ policy }) => span(policy.health?.interval)),
  key('health.timeout', ({ policy }) => span(policy.health?.timeout)),
  key('health.failures', ({ policy }) => policy.health?.failures ?? null),
  key('health.successes', ({ policy }) => policy.health?.successes ?? null),
  key('health.on_failure', ({ policy }) => policy.health?.onFailure ?? null),
  key('timeout', ({ policy }) => span(policy.timeout)),
  key('schedule', ({ policy }) => policy.schedule?.cron ?? null),
  key('timezone', ({ policy }) => policy.schedule?.timezone ?? null),
  key('overlap', ({ policy }) => policy.schedule?.overlap ?? null),
  key('random_delay', ({ policy }) => span(policy.schedule?.randomDelay)),
  key('catch_up', ({ policy }) => policy.schedule?.catchUp ?? null),
  key('on_failed', ({ policy }) => policy.onFailed),
  ...hookKeys('before_start', (policy) => policy.beforeStart),
  ...hookKeys('after_stop', (policy) => policy.afterStop),
  key('rollout.max_unavailable', ({ values }) => values.rollout?.max_unavailable ?? null),
  key('rollout.max_surge', ({ values }) => values.rollout?.max_surge ?? null),
  key('rollout.on_failure', ({ values }) => values.rollout?.on_failure ?? null),
  limitKey('nofile', (limits) => limits.nofile),
  limitKey('core', ({ core }) => (typeof core === 'number' && core > 0 ? size(core) : core === 0 ? '0' : core)),
  limitKey('memory', (limits) => size(limits.memory)),
  limitKey('memory_high', (limits) => size(limits.memoryHigh)),
  limitKey('cpu', ({ cpu }) => (cpu === null ? null : formatCpuShare(cpu))),
  limitKey('tasks', (limits) => limits.tasks),
  limitKey('io_weight', (limits) => limits.ioWeight),
  key('ionice', ({ launch }) => (launch.ionice === null ? null : formatIoPriority(launch.ionice))),
  // As what is not set, false is left out: what is born with nothing more is the same to every version of opsd.
  key('no_new_privileges', ({ launch }) => launch.noNewPrivileges || null),
  key('capabilities', ({ launch }) => launch.capabilities),
  key('sockets', ({ launch }) => (launch.sockets.length === 0 ? null : launch.sockets)),
  key('wrapper', ({ values }) => values.wrapper ?? null),
];

const DAEMON_KEYS: readonly Key<DaemonSpec>[] = [
  key('http', ({ http }) => http),
  key('tls.cert', ({ tls }) => tls?.cert ?? null),
  key('tls.key', ({ tls }) => tls?.key ?? null),
  key('tls.client_ca', ({ tls }) => tls?.clientCa ?? null),
  key('http_token', ({ httpToken }) => httpToken),
  key('log_level', ({ logLevel }) => logLevel),
  key('log_dir', ({ logDir }) => logDir),
  key('log_format', ({ logFormat }) => logFormat),
  key('watch_config', ({ watchConfig }) => watchConfig),
  key('start_concurrency', ({ startConcurrency }) => startConcurrency),
  key('shutdown_timeout', ({ shutdownTimeout }) => span(shutdownTimeout)),
  key('socket_mode', ({ socketMode }) => formatMode(socketMode)),
  key('socket_group', ({ socketGroup }) => socketGroup),
  key('exit_when', ({ exitWhen }) => exitWhen),
  key('page_logs', ({ pageLogs }) => pageLogs),
  key('on_event', ({ onEvent }) => (onEvent.length === 0 ? null : onEvent.map(describeHook))),
];

/** The last value of each key: with 1,000 services most have the same one from the same place, and need one object. */
export type LastValues = Map<
  string,
  { readonly raw: unknown; readonly isSecret: boolean; readonly value: EffectiveValue }
>;

/** What opsd asks, and where it listens. */
const TARGETS = new Set(['http', 'ready.url', 'ready.address', 'health.http', 'health.tcp']);

/** `variables`: where each variable of the service comes from. What is not set is left out. */
export function effectiveService(
  table: Table,
  parts: ServiceParts,
  variables: ReadonlyMap<string, Source>,
  last: LastValues,
  secrets: Secrets,
): ReadonlyMap<string, EffectiveValue> {
  const values = collect(table, SERVICE_KEYS, parts, last, secrets);
  for (const { service, until } of parts.policy.dependsOn) {
    const source = sourceOf(table, ['depends_on', service]);
    values.set(`depends_on.${service}`, effectiveValue(until, source, secrets));
  }
  for (const [name, value] of Object.entries(parts.launch.env)) {
    const { source, isSecret } = variables.get(name) ?? BY_DEFAULT;
    values.set(`env.${name}`, effectiveValue(value, { source, isSecret: isSecret || isSecretName(name) }, secrets));
  }
  return values;
}

export function effectiveDaemon(table: Table, daemon: DaemonSpec, secrets: Secrets): Map<string, EffectiveValue> {
  return collect(table, DAEMON_KEYS, daemon, new Map(), secrets);
}

function collect<T>(
  table: Table,
  keys: readonly Key<T>[],
  from: T,
  last: LastValues,
  secrets: Secrets,
): Map<string, EffectiveValue> {
  const values = new Map<string, EffectiveValue>();
  for (const { key: name, path, madeFrom, read } of keys) {
    const raw = read(from);
    if (raw === null) continue;
    const origin = sourceOf(table, path);
    const isSecret = origin.isSecret || isSecretKey(path) || (madeFrom !== null && sourceOf(table, madeFrom).isSecret);
    const known = last.get(name);
    if (
      known !== undefined &&
      known.raw === raw &&
      known.isSecret === isSecret &&
      known.value.source === origin.source
    ) {
      values.set(name, known.value);
    } else {
      if (isSecret && typeof raw === 'string') noteParts(name, raw, secrets);
      const value = effectiveValue(raw, { source: origin.source, isSecret }, secrets);
      last.set(name, { raw, isSecret, value });
      values.set(name, value);
    }
  }
  return values;
}

/** What opsd names of it alone: of a URL the host and the path, of a heartbeat file the folder. */
function noteParts(name: string, raw: string, secrets: Secrets): void {
  if (TARGETS.has(name)) secrets.addTarget(raw);
  if (name === 'heartbeat.file') secrets.add(raw.slice(0, raw.lastIndexOf('/')));
}

/** What is secret, all of it or a part, is noted as such, and left out of what is printed. */
function effectiveValue(raw: unknown, { source, isSecret }: Source, secrets: Secrets): EffectiveValue {
  if (isSecret) secrets.add(raw);
  const shown = isSecret ? REDACTED : secrets.redact(raw);
  if (shown === raw) return { value: JSON.stringify(raw), secret: false, source };
  return { value: JSON.stringify(shown), secret: true, source, whole: () => JSON.stringify(raw) };
}
