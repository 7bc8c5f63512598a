// What a new configuration changes, service by service and key by key, and whether a change takes a new process.

import type { Config } from './config.ts';
import type { EffectiveValue, EffectiveValues, ServiceSpec } from './spec.ts';

export interface KeyChange {
  readonly key: string;
  /** JSON as `config --explain` prints it, secrets as [redacted]; null: the key is not set. */
  readonly from: string | null;
  readonly to: string | null;
}

export interface Change {
  readonly service: string;
  /**
   * `changed`: in place, the process runs on. `rolled`: a rollout restarts the service when its turn comes.
   * `held_back`: it cannot start in its new form on this host, and runs on in the old one if it runs.
   * `freed`: it was held back, or failed for what the host lacked, and can start now.
   * `at_next_start`: the service is down. `in_force`: the service runs with this configuration already, as after a
   * rollback. `rejected`: a rollout was rolled back from this configuration, which is tried again only on request.
   */
  readonly kind:
    | 'added'
    | 'removed'
    | 'restarted'
    | 'rolled'
    | 'changed'
    | 'held_back'
    | 'freed'
    | 'at_next_start'
    | 'in_force'
    | 'rejected';
  readonly keys: readonly KeyChange[];
}

/** A change of [daemon]. `when`: some keys take effect only when opsd is started again. */
export interface DaemonChange extends KeyChange {
  readonly when: 'now' | 'next_opsd';
}

/** The services that a reload from `before` to `after` touches; unchanged ones are left out, and defaults of new ones. */
export function planReload(before: Config, after: Config): readonly Change[] {
  const changes: Change[] = [];
  const rolled = new Set([...after.rollouts.values()].flatMap(({ members }) => members));
  for (const [name, spec] of before.services) {
    const next = after.services.get(name);
    if (next === undefined) changes.push({ service: name, kind: 'removed', keys: [] });
    else {
      const keys = differences(spec.effective, next.effective);
      const kind = kindOf(spec, next);
      const isFreed = spec.hindrance !== undefined && next.hindrance === undefined;
      if (keys.length > 0)
        changes.push({ service: name, kind: kind === 'changed' ? kind : startOf(next, rolled), keys });
      else if (isFreed) changes.push({ service: name, kind: 'freed', keys });
    }
  }
  for (const [name, spec] of after.services) {
    if (!before.services.has(name)) {
      const given = [...spec.effective].filter(([, { source }]) => source !== 'default');
      changes.push({ service: name, kind: 'added', keys: differences(new Map(), new Map(given)) });
    }
  }
  return changes;
}

/** How a service whose process has to be another one gets it. */
function startOf({ name, hindrance }: ServiceSpec, rolled: ReadonlySet<string>): Change['kind'] {
  if (hindrance !== undefined) return 'held_back';
  return rolled.has(name) ? 'rolled' : 'restarted';
}

/** The keys of [daemon] that a reload from `before` to `after` changes. */
export function planDaemon(before: Config, after: Config): readonly DaemonChange[] {
  return changesOf(before.effective, after.effective).map((change) => {
    return { ...keyChange(change), when: isAtOnce(change) ? 'now' : 'next_opsd' };
  });
}

export function needsNewProcess(before: ServiceSpec, after: ServiceSpec): boolean {
  return kindOf(before, after) === 'restarted';
}

/** Compares values, not sources: a value that moved to another file is unchanged. */
export function differences(before: EffectiveValues, after: EffectiveValues): readonly KeyChange[] {
  return changesOf(before, after).map(keyChange);
}

interface ValueChange {
  readonly key: string;
  readonly from: EffectiveValue | undefined;
  readonly to: EffectiveValue | undefined;
}

function changesOf(before: EffectiveValues, after: EffectiveValues): readonly ValueChange[] {
  const changes: ValueChange[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const from = before.get(key);
    const to = after.get(key);
    if (wholeOf(from) !== wholeOf(to)) changes.push({ key, from, to });
  }
  return changes;
}

function keyChange({ key, from, to }: ValueChange): KeyChange {
  return { key, from: from?.value ?? null, to: to?.value ?? null };
}

function kindOf(before: ServiceSpec, after: ServiceSpec): 'restarted' | 'changed' {
  return changesOf(before.effective, after.effective).every(isAtOnce) ? 'changed' : 'restarted';
}

/** Whether the running process, or the running opsd, goes on with the new value. */
function isAtOnce({ from, to }: ValueChange): boolean {
  switch ((to ?? from)?.inForce) {
    case 'at_once':
      return true;
    case 'at_once_if_replaced':
      return from !== undefined && to !== undefined;
    default:
      return false;
  }
}

/** The value as JSON with its secrets: for comparing and hashing, never for output. undefined: the key is not set. */
export function wholeOf(value: EffectiveValue | undefined): string | undefined {
  return value?.whole?.() ?? value?.value;
}
