// Operators' orders on whole groups: restart one after the other, undo, retry.

import { serviceOf } from '../fleet/ordering.ts';
import type { StepDraft } from '../fleet/step.ts';
import { isWanted } from '../life/transition.ts';
import type { Outcome } from '../model/effects.ts';
import type { Event } from '../model/events.ts';
import { newRollout, type Rollout } from '../model/rollout.ts';
import type { RolloutPolicy } from '../model/spec.ts';
import { begin } from './begin.ts';
import { disappoint } from './end.ts';
import { turnBack } from './rollout.ts';

type RolloutOrder = Extract<Event, { type: 'rollout' }>;

/** Who says nothing else is down while it is replaced, one at a time. */
const USUAL: RolloutPolicy = { maxUnavailable: 1, maxSurge: 0, onFailure: 'stop' };

/** Answered when the rollout is over, or at once where there is none to be. */
export function onRolloutCommand(world: StepDraft, order: RolloutOrder): void {
  const refuse = (message: string, code: Extract<Outcome, { ok: false }>['code'] = 'failed') => {
    const outcome: Outcome = { ok: false, code, message };
    world.effects.push({ type: 'answer', id: order.id, service: order.group, outcome });
  };
  if (world.state.phase.name !== 'running') return refuse('opsd is shutting down', 'shutting_down');
  const refusal = order.action === 'restart' ? restart(world, order) : turn(world, order);
  if (refusal !== null) refuse(refusal);
}

/** Why not; null: it has begun. */
function restart(
  world: StepDraft,
  { id, group, services }: Extract<RolloutOrder, { action: 'restart' }>,
): string | null {
  const last = world.state.rollouts.get(group);
  if (last?.phase === 'going') return `a rollout of ${group} is under way; follow it with: opsd ctl rollout status`;
  if (last?.phase === 'stopped' && last.kind === 'configuration') {
    return `the rollout of ${group} has stopped; first opsd ctl rollout undo ${group}, or correct its configuration`;
  }
  const known = services.flatMap((name) => serviceOf(world.state, name) ?? []).filter(({ isRemoved }) => !isRemoved);
  const job = known.find(({ spec: { policy } }) => policy.schedule !== null || policy.restart === 'never');
  if (job !== undefined) return `${job.spec.name} is a job: it has no readiness to wait for; use: opsd ctl run`;
  if (!known.some(isWanted)) return `nothing of ${group} is to be up; start it with: opsd ctl start`;
  const names = known.map(({ spec }) => spec.name);
  const { members, policy, surgeSpecs } = world.state.groups.get(group) ?? {
    members: names,
    policy: USUAL,
    surgeSpecs: [],
  };
  const rollout: Rollout = {
    ...newRollout(world.now, group, { members, policy }),
    ...{ kind: 'restart', waiting: names, surgeSpecs: { forward: surgeSpecs, back: [] }, orders: [id] },
    ...{ surging: last?.surging ?? [], rejected: last?.rejected ?? new Map() },
  };
  begin(world, rollout, 'begun');
  return null;
}

function turn(
  world: StepDraft,
  { id, action, group }: Extract<RolloutOrder, { action: 'undo' | 'retry' }>,
): string | null {
  const last = world.state.rollouts.get(group);
  if (last === undefined || last.kind === 'restart') {
    return `there is no rollout of ${group} to ${action}; see what there is with: opsd ctl rollout status`;
  }
  const isBack = last.direction === 'back';
  if (action === 'undo' && isBack && last.phase !== 'stopped') {
    return `${group} ${last.phase === 'going' ? 'is being rolled back' : 'is rolled back'} already`;
  }
  if (action === 'retry' && (last.phase === 'going' || !isBack)) {
    return `only a configuration that was rolled back can be tried again, and that of ${group} was not`;
  }
  if (action === 'undo' && last.before.size === 0) {
    return `what ${group} was before is not known: an earlier opsd had it; change the configuration and reload it`;
  }
  disappoint(world, last, `${action} came first`);
  const anew: Rollout = { ...last, startedAt: world.now, failure: null, orders: [id] };
  if (action === 'undo') turnBack(world, anew);
  else begin(world, { ...anew, direction: 'forward', rejected: new Map() }, 'begun');
  return null;
}
