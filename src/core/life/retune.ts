// Brings a changed policy to a process that runs on.

import type { Policy } from '../model/spec.ts';
import type { Service } from '../model/state.ts';
import { withDeadline } from './deadline.ts';
import { checkHealth } from './health.ts';
import { noBeatYet, onBeat } from './heartbeat.ts';
import type { StepContext } from './transition.ts';

/** Applies a changed heartbeat or health probe. The rest of the policy is read when it is needed. */
export function retune(service: Service, before: Policy, context: StepContext): Service {
  const { state } = service;
  const { policy } = service.spec;
  if (state.name !== 'running') return service;
  let { run } = state;
  if (!isSame(before.heartbeat, policy.heartbeat)) {
    const { at } = run.beat;
    run = { ...run, beat: at === null ? noBeatYet(policy, context.now) : { ...onBeat(policy, context.now), at } };
  }
  if (!isSame(before.health, policy.health)) run = { ...run, check: checkHealth(policy, context.now, context.random) };
  const isUnhealthy = service.isUnhealthy && policy.health !== null;
  return withDeadline({ ...service, isUnhealthy }, 'running', run);
}

function isSame(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}
