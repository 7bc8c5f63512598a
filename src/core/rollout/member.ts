// One member of a rollout: its target spec, whether it is ready, and how it is replaced.

import { bringDown } from '../life/lifecycle.ts';
import { forgiven, isLive, type Moved, type StepContext } from '../life/transition.ts';
import { differences } from '../model/changes.ts';
import type { Effect } from '../model/effects.ts';
import { isHeldBack } from '../model/lacking.ts';
import type { Rollout } from '../model/rollout.ts';
import type { Millis, ServiceSpec } from '../model/spec.ts';
import type { Service } from '../model/state.ts';

/** A member without `ready` counts as ready after running that long, so that one that crashes at once does not. */
const READY_AFTER: Millis = 1_000;

/** The spec of the next generation; one that is held back has not been reached. */
export function specOf(service: Service): ServiceSpec {
  return isHeldBack(service) ? service.spec : (service.nextSpec ?? service.spec);
}

export function isSame(one: ServiceSpec | undefined, other: ServiceSpec): boolean {
  return one !== undefined && (one === other || differences(one.effective, other.effective).length === 0);
}

/** The spec that the rollout gives to this member; a rolling restart keeps its own. */
export function targetOf({ direction, targets, before }: Rollout, service: Service): ServiceSpec {
  return (direction === 'forward' ? targets : before).get(service.spec.name) ?? specOf(service);
}

/** When the member counts as ready; null: it is not running. */
export function readyAtOf({ state, spec }: Service): Millis | null {
  if (state.name !== 'running' || state.run.readyAt === null) return null;
  return spec.policy.ready === null ? state.run.readyAt + READY_AFTER : state.run.readyAt;
}

export function isReady(service: Service, now: Millis): boolean {
  const at = readyAtOf(service);
  return at !== null && at <= now;
}

/** The next start of the service is with this spec. */
export function setNextSpec(service: Service, spec: ServiceSpec): Moved {
  if (isLive(service.state)) return [{ ...service, nextSpec: spec === service.spec ? null : spec }, []];
  const settings: Effect = { type: 'settings', service: spec.name, spec };
  return [{ ...service, spec, nextSpec: null }, [settings]];
}

/** Restarts a member with its target spec; one without processes is started. */
export function replace(service: Service, rollout: Rollout, context: StepContext): Moved {
  const spec = targetOf(rollout, service);
  const next: Service = { ...forgiven(service), nextSpec: spec === service.spec ? null : spec };
  const reason = rollout.kind === 'restart' ? 'operator' : 'configuration';
  return bringDown(next, context, { to: 'start', reason, detail: reasonOf(rollout) });
}

function reasonOf({ kind, direction, group }: Rollout): string {
  if (kind === 'restart') return `rolling restart of ${group}`;
  if (direction === 'back') return `back to its configuration before (rollout of ${group})`;
  return `its configuration changed (rollout of ${group})`;
}
