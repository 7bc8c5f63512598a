// What a new configuration changes, service by service and key by key, and whether a change takes a new process.

import type { Config, EffectiveValue, ServiceSpec } from './spec.ts';

export interface KeyChange {
  readonly key: string;
  /** JSON as `config --explain` prints it, secrets as [redacted]; null: the key is not set. */
  readonly from: string | null;
  readonly to: string | null;
}

export interface Change {
  readonly service: string;
  /** `changed`: in place, the process runs on. `rolled`: a rollout restarts the service when its turn comes. */
  readonly kind: 'added' | 'removed' | 'restarted' | 'rolled' | 'changed';
  readonly keys: readonly KeyChange[];
}

/** A change of [daemon]. `when`: some keys take effect only when opsd is started again. */
export interface DaemonChange extends KeyChange {
  readonly when: 'now' | 'next_opsd';
}

/** Keys of [daemon] that a reload brings into force. */
const DAEMON_IN_PLACE = new Set([
  'http_token',
  'log_level',
  'start_concurrency',
  'shutdown_timeout',
  'exit_when',
  'page_logs',
  'watch_config',
  'on_event',
  'on_event_secrets',
]);

/** First parts of the key paths that can change while a process runs; a change of any other takes a new process. */
const IN_PLACE = new Set([
  'enabled',
  'restart',
  'backoff',
  'stable_after',
  'max_failures',
  'retry_failed',
  'fatal_exit_codes',
  'success_exit_codes',
  'stop_signal',
  'stop_timeout',
  'depends_on',
  'after',
  'ready',
  'health',
  'on_dependency_restart',
  'type',
  'instances',
  'rollout',
  'timeout',
  'schedule',
  'timezone',
  'overlap',
  'random_delay',
  'catch_up',
  'on_failed',
  'before_start',
  'after_stop',
  'tags',
]);
const IN_PLACE_KEYS = new Set(['heartbeat.timeout', 'heartbeat.grace', 'log.timestamps']);

/** The services that a reload from `before` to `after` touches; unchanged ones are left out. */
export function planReload(before: Config, after: Config): readonly Change[] {
  const changes: Change[] = [];
  const rolled = new Set([...after.rollouts.values()].flatMap(({ members }) => members));
  for (const [name, spec] of before.services) {
    const next = after.services.get(name);
    if (next === undefined) changes.push({ service: name, kind: 'removed', keys: [] });
    else {
      const keys = differences(spec.effective, next.effective);
      const kind = kindOf(spec, next);
      const isRolled = kind === 'restarted' && rolled.has(name);
      if (keys.length > 0) changes.push({ service: name, kind: isRolled ? 'rolled' : kind, keys });
    }
  }
  for (const [name, spec] of after.services) {
    if (!before.services.has(name)) {
      changes.push({ service: name, kind: 'added', keys: differences(new Map(), spec.effective) });
    }
  }
  return changes;
}

/** The keys of [daemon] that a reload from `before` to `after` changes. */
export function planDaemon(before: Config, after: Config): readonly DaemonChange[] {
  return differences(before.effective, after.effective).map((change) => {
    const [first = ''] = change.key.split('.');
    // A running listener can take another certificate, but cannot begin or cease to encrypt.
    const isRenewed = first === 'tls' && change.from !== null && change.to !== null;
    return { ...change, when: isRenewed || DAEMON_IN_PLACE.has(first) ? 'now' : 'next_opsd' };
  });
}

export function needsNewProcess(before: ServiceSpec, after: ServiceSpec): boolean {
  return kindOf(before, after) === 'restarted';
}

/** Compares values, not sources: a value that moved to another file is unchanged. */
export function differences(
  before: ReadonlyMap<string, EffectiveValue>,
  after: ReadonlyMap<string, EffectiveValue>,
): readonly KeyChange[] {
  const changes: KeyChange[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const from = before.get(key);
    const to = after.get(key);
    if (wholeOf(from) !== wholeOf(to)) changes.push({ key, from: from?.value ?? null, to: to?.value ?? null });
  }
  return changes;
}

function kindOf(before: ServiceSpec, after: ServiceSpec): 'restarted' | 'changed' {
  const keys = differences(before.effective, after.effective).map(({ key }) => key);
  return keys.every(isInPlace) ? 'changed' : 'restarted';
}

/** Whether this key (`stop_timeout`, `log.timestamps`) can change while a process runs. */
export function isInPlace(key: string): boolean {
  const [first = ''] = key.split('.');
  return IN_PLACE.has(first) || IN_PLACE_KEYS.has(key);
}

/** The value as JSON with its secrets: for comparing and hashing, never for output. undefined: the key is not set. */
export function wholeOf(value: EffectiveValue | undefined): string | undefined {
  return value?.whole?.() ?? value?.value;
}
