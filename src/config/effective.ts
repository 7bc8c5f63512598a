// The effective values, key by key, as `config --explain` prints them and a reload compares them.

import type { DaemonSpec, EffectiveValue, Launch, Policy } from '../core/spec.ts';
import { describeHook } from './on-event.ts';
import { looksSecret } from './redaction.ts';
import { findNearest, type Table } from './tree.ts';
import { formatDuration, formatMode } from './units.ts';

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

/** Keys that are gone once their variables are known, kept for the reader. */
export interface WrittenFiles {
  readonly envFile: string | null;
  readonly passEnv: readonly string[];
}

interface ServiceParts {
  readonly launch: Launch;
  readonly policy: Policy;
  readonly files: WrittenFiles;
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

const span = (value: number | undefined) => (value === undefined ? null : formatDuration(value));

/** In one form whatever form they were written in ("60s" is "1m"), so that equal settings compare equal. */
const SERVICE_KEYS: readonly Key<ServiceParts>[] = [
  key('command', ({ launch }) => launch.command),
  key('cwd', ({ launch }) => launch.cwd),
  key('user', ({ launch }) => launch.user),
  key('group', ({ launch }) => launch.group),
  key('umask', ({ launch }) => formatMode(launch.umask ?? 0o022)),
  key('nice', ({ launch }) => launch.nice),
  key('oom_score_adj', ({ launch }) => launch.oomScoreAdj),
  key('env_file', ({ files }) => files.envFile, ['cwd']),
  key('pass_env', ({ files }) => files.passEnv),
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
  key('ready.on', ({ policy }) => policy.ready?.on ?? null),
  key('ready.timeout', ({ policy }) => span(policy.ready?.timeout)),
  key('ready.delay', ({ policy }) => (policy.ready?.on === 'delay' ? span(policy.ready.delay) : null)),
];

const DAEMON_KEYS: readonly Key<DaemonSpec>[] = [
  key('http', ({ http }) => http),
  key('log_level', ({ logLevel }) => logLevel),
  key('log_dir', ({ logDir }) => logDir),
  key('log_format', ({ logFormat }) => logFormat),
  key('watch_config', ({ watchConfig }) => watchConfig),
  key('start_concurrency', ({ startConcurrency }) => startConcurrency),
  key('shutdown_timeout', ({ shutdownTimeout }) => span(shutdownTimeout)),
  key('socket_mode', ({ socketMode }) => formatMode(socketMode)),
  key('socket_group', ({ socketGroup }) => socketGroup),
  key('page_logs', ({ pageLogs }) => pageLogs),
  key('on_event', ({ onEvent }) => (onEvent.length === 0 ? null : onEvent.map(describeHook))),
];

/** The last value of each key: with 1,000 services most have the same one from the same place, and need one object. */
export type LastValues = Map<string, { readonly raw: unknown; readonly value: EffectiveValue }>;

/** `variables`: where each variable of the service comes from. What is not set is left out. */
export function effectiveService(
  table: Table,
  parts: ServiceParts,
  variables: ReadonlyMap<string, Source>,
  last: LastValues,
): ReadonlyMap<string, EffectiveValue> {
  const values = collect(table, SERVICE_KEYS, parts, last);
  for (const { service, until } of parts.policy.dependsOn) {
    const { source, isSecret } = sourceOf(table, ['depends_on', service]);
    values.set(`depends_on.${service}`, { value: JSON.stringify(until), secret: isSecret, source });
  }
  for (const [name, value] of Object.entries(parts.launch.env)) {
    const { source, isSecret } = variables.get(name) ?? BY_DEFAULT;
    values.set(`env.${name}`, { value: JSON.stringify(value), secret: isSecret || looksSecret([name]), source });
  }
  return values;
}

export function effectiveDaemon(table: Table, daemon: DaemonSpec): Map<string, EffectiveValue> {
  return collect(table, DAEMON_KEYS, daemon, new Map());
}

function collect<T>(table: Table, keys: readonly Key<T>[], from: T, last: LastValues): Map<string, EffectiveValue> {
  const values = new Map<string, EffectiveValue>();
  for (const { key: name, path, madeFrom, read } of keys) {
    const raw = read(from);
    if (raw === null) continue;
    const { source, isSecret } = sourceOf(table, path);
    const secret = isSecret || (madeFrom !== null && sourceOf(table, madeFrom).isSecret);
    const known = last.get(name);
    if (known !== undefined && known.raw === raw && known.value.source === source && known.value.secret === secret) {
      values.set(name, known.value);
    } else {
      const value = { value: JSON.stringify(raw), secret, source };
      last.set(name, { raw, value });
      values.set(name, value);
    }
  }
  return values;
}
