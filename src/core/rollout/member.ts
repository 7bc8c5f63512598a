// One member of a rollout: what it is to be, whether it is ready, and how it is replaced.

import { bringDown } from '../life/lifecycle.ts';
import { forgiven, isLive, type Moved, type StepContext } from '../life/transition.ts';
import { differences } from '../model/changes.ts';
import type { Effect } from '../model/effects.ts';
import type { Rollout } from '../model/rollout.ts';
import type { Millis, ServiceSpec } from '../model/spec.ts';
import type { Service } from '../model/state.ts';

/** Who has no `ready` is taken for ready after being up for that long: else one that crashes at once would be. */
const SETTLING: Millis = 1_000;

/** What its next generation will be. */
export function specOf({ nextSpec, spec }: Service): ServiceSpec {
  return nextSpec ?? spec;
}

export function isSame(one: ServiceSpec | undefined, other: ServiceSpec): boolean {
  return one !== undefined && (one === other || differences(one.effective, other.effective).length === 0);
}

/** What the rollout makes of it; a restart leaves it what it is. */
export function aimOf({ direction, targets, before }: Rollout, service: Service): ServiceSpec {
  return (direction === 'forward' ? targets : before).get(service.spec.name) ?? specOf(service);
}

/** When it counts as ready; null: it is not up. */
export function readyAtOf({ state, spec }: Service): Millis | null {
  if (state.name !== 'running' || state.run.readyAt === null) return null;
  return spec.policy.ready === null ? state.run.readyAt + SETTLING : state.run.readyAt;
}

export function isReady(service: Service, now: Millis): boolean {
  const at = readyAtOf(service);
  return at !== null && at <= now;
}

/** It will be that when it is started the next time. */
export function give(service: Service, spec: ServiceSpec): Moved {
  if (isLive(service.state)) return [{ ...service, nextSpec: spec === service.spec ? null : spec }, []];
  const settings: Effect = { type: 'settings', service: spec.name, spec };
  return [{ ...service, spec, nextSpec: null }, [settings]];
}

/** Down, if it is up, and up again in its new form. */
export function replace(service: Service, rollout: Rollout, around: StepContext): Moved {
  const spec = aimOf(rollout, service);
  const next: Service = { ...forgiven(service), nextSpec: spec === service.spec ? null : spec };
  const reason = rollout.kind === 'restart' ? 'operator' : 'configuration';
  return bringDown(next, around, { to: 'start', reason, detail: reasonOf(rollout) });
}

function reasonOf({ kind, direction, group }: Rollout): string {
  if (kind === 'restart') return `rolling restart of ${group}`;
  if (direction === 'back') return `back to its configuration before (rollout of ${group})`;
  return `its configuration changed (rollout of ${group})`;
}
