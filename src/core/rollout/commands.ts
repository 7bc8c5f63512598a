// Commands for groups: restart one after the other, undo, retry.

import { serviceOf } from '../fleet/ordering.ts';
import type { StepDraft } from '../fleet/step.ts';
import { isWanted } from '../life/transition.ts';
import type { Outcome } from '../model/effects.ts';
import type { Event } from '../model/events.ts';
import { newRollout, type Rollout } from '../model/rollout.ts';
import type { RolloutPolicy } from '../model/spec.ts';
import { beginRollout } from './begin.ts';
import { supersedeCommands } from './end.ts';
import { turnBack } from './rollout.ts';

type RolloutOrder = Extract<Event, { type: 'rollout' }>;

/** The policy without a `rollout` table: one member at a time, no surge instance, stop at a failure. */
const DEFAULT_POLICY: RolloutPolicy = { maxUnavailable: 1, maxSurge: 0, onFailure: 'stop' };

/** Begins what the command asks for. It is answered when the rollout has ended, or at once if it is refused. */
export function onRolloutCommand(draft: StepDraft, order: RolloutOrder): void {
  const refuse = (message: string, code: Extract<Outcome, { ok: false }>['code'] = 'failed') => {
    const outcome: Outcome = { ok: false, code, message };
    draft.effects.push({ type: 'answer', id: order.id, service: order.group, outcome });
  };
  if (draft.state.phase.name !== 'running') return refuse('opsd is shutting down', 'shutting_down');
  const refusal = order.action === 'restart' ? restart(draft, order) : undoOrRetry(draft, order);
  if (refusal !== null) refuse(refusal);
}

/** Begins a rolling restart. Returns why it was refused; null: it has begun. */
function restart(
  draft: StepDraft,
  { id, group, services }: Extract<RolloutOrder, { action: 'restart' }>,
): string | null {
  const last = draft.state.rollouts.get(group);
  if (last?.phase === 'going') return `a rollout of ${group} is under way; follow it with: opsd ctl rollout status`;
  if (last?.phase === 'stopped' && last.kind === 'configuration') {
    return `the rollout of ${group} has stopped; first opsd ctl rollout undo ${group}, or correct its configuration`;
  }
  const known = services.flatMap((name) => serviceOf(draft.state, name) ?? []).filter(({ isRemoved }) => !isRemoved);
  const job = known.find(({ spec: { policy } }) => policy.schedule !== null || policy.restart === 'never');
  if (job !== undefined) return `${job.spec.name} is a job: it has no readiness to wait for; use: opsd ctl run`;
  if (!known.some(isWanted))
    return `the desired state of every member of ${group} is down; start it with: opsd ctl start`;
  const names = known.map(({ spec }) => spec.name);
  const { members, policy, surgeSpecs } = draft.state.groups.get(group) ?? {
    members: names,
    policy: DEFAULT_POLICY,
    surgeSpecs: [],
  };
  const rollout: Rollout = {
    ...newRollout(draft.now, group, { members, policy }),
    ...{ kind: 'restart', waiting: names, surgeSpecs: { forward: surgeSpecs, back: [] }, orders: [id] },
    ...{ surging: last?.surging ?? [], rejected: last?.rejected ?? new Map() },
  };
  beginRollout(draft, rollout, 'begun');
  return null;
}

/** Turns the last rollout of the group. Returns why that was refused; null: it has begun. */
function undoOrRetry(
  draft: StepDraft,
  { id, action, group }: Extract<RolloutOrder, { action: 'undo' | 'retry' }>,
): string | null {
  const last = draft.state.rollouts.get(group);
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
    return `the previous configuration of ${group} is not known: only the earlier opsd had it; change the configuration and reload it`;
  }
  supersedeCommands(draft, last, `${action} came first`);
  const anew: Rollout = { ...last, startedAt: draft.now, failure: null, orders: [id] };
  if (action === 'undo') turnBack(draft, anew);
  else beginRollout(draft, { ...anew, direction: 'forward', rejected: new Map() }, 'begun');
  return null;
}
