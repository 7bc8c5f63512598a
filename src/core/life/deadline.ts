// The deadline of a run: the earliest of its timeout, hook, heartbeat, probe, readiness and recovery.

import type { Millis, Policy } from '../model/spec.ts';
import type { Run, Service, ServiceState } from '../model/state.ts';
import { stableAt } from './transition.ts';

/** The states with a heartbeat and a probe. */
export type Watched = Extract<ServiceState, { name: 'starting' | 'running' }>;

/** The service with this run and the deadline that follows from it. */
export function withDeadline(service: Service, name: Watched['name'], run: Run): Service {
  return { ...service, state: stateOf(service, name, run) };
}

export function stateOf(service: Service, name: Watched['name'], run: Run): Watched {
  const { policy } = service.spec;
  const overdueAt = policy.timeout === null ? null : afterStart(run, policy.timeout);
  const own = name === 'starting' ? readinessOf(policy, run) : [service.isInTrouble ? stableAt(service, run) : null];
  const wakes = [overdueAt, run.hookEndsAt, run.beat.lookAt, run.check.askAt, ...own];
  const times = wakes.filter((at) => at !== null);
  return { name, deadline: times.length === 0 ? null : Math.min(...times), run };
}

/** When `span` has passed since the start of the run, without the time that opsd was stopped. */
export function afterStart({ startedAt, overslept }: Run, span: Millis): Millis {
  return startedAt + overslept + span;
}

function readinessOf({ ready }: Policy, run: Run): readonly (Millis | null)[] {
  if (ready === null) return [];
  const stayed = ready.on === 'delay' && run.pid !== null ? afterStart(run, ready.delay) : null;
  return [afterStart(run, ready.timeout), stayed];
}
