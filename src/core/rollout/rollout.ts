// Rollouts in progress: after each step the next member is replaced if it may be.

import { obstacleOf, serviceOf } from '../fleet/ordering.ts';
import type { StepDraft } from '../fleet/step.ts';
import { isWanted } from '../life/transition.ts';
import type { Effect } from '../model/effects.ts';
import type { Rollout } from '../model/rollout.ts';
import type { Service } from '../model/state.ts';
import type { StateName } from '../model/states.ts';
import { beginRollout } from './begin.ts';
import { endRollout, interruptRollout, keepRollout } from './end.ts';
import { isReady, readyAtOf, replace, setNextSpec, targetOf } from './member.ts';
import { startSurgeInstances } from './surge.ts';
import { nextTurn } from './turn.ts';

/** After a step: advances the rollouts in progress, or interrupts them when opsd ends. */
export function advanceRollouts(draft: StepDraft): void {
  for (const rollout of draft.state.rollouts.values()) {
    if (rollout.phase !== 'going') continue;
    const { name } = draft.state.phase;
    if (name === 'running') advance(draft, rollout);
    else if (name === 'over') interruptRollout(draft, rollout, 'opsd is handing over: ask the next opsd', 'gone');
    else interruptRollout(draft, rollout, 'opsd is shutting down', 'shutting_down');
  }
}

function advance(draft: StepDraft, rollout: Rollout): void {
  const failure = failureOf(draft, rollout);
  const seen = observe(draft, rollout);
  if (failure === null) proceed(draft, seen);
  else failRollout(draft, seen, failure);
}

/** Replaces members as long as it is the turn of one. */
function proceed(draft: StepDraft, from: Rollout): void {
  let rollout = startSurgeInstances(draft, from);
  for (;;) {
    if (rollout.waiting.length === 0 && rollout.inProgress.length === 0) return endRollout(draft, rollout, null);
    const turn = nextTurn(draft, rollout);
    switch (turn.kind) {
      case 'wait':
        return keepRollout(draft, { ...rollout, detail: turn.detail, deadline: deadlineOf(draft, rollout) });
      case 'stuck':
        return failRollout(draft, rollout, turn.detail);
      case 'take':
        rollout = replaceMember(draft, rollout, turn.name);
    }
  }
}

function replaceMember(draft: StepDraft, rollout: Rollout, name: string): Rollout {
  draft.change(name, (service, context) => replace(service, rollout, context));
  const waiting = rollout.waiting.filter((other) => other !== name);
  return { ...rollout, waiting, inProgress: [...rollout.inProgress, name] };
}

/** Notices members that are ready, removed, or stopped by an operator; the latter get their spec at their next start. */
function observe(draft: StepDraft, rollout: Rollout): Rollout {
  const known = (name: string) => {
    const service = serviceOf(draft.state, name);
    return service === undefined || service.isRemoved ? null : service;
  };
  const waiting: string[] = [];
  for (const name of rollout.waiting) {
    const service = known(name);
    if (service === null) continue;
    if (isWanted(service)) waiting.push(name);
    else draft.change(name, (one) => setNextSpec(one, targetOf(rollout, one)));
  }
  const inProgress: string[] = [];
  const done = [...rollout.done];
  for (const name of rollout.inProgress) {
    const service = known(name);
    if (service === null || !isWanted(service) || service.state.name === 'stopped') continue;
    if (isReady(service, draft.now)) done.push(name);
    else inProgress.push(name);
  }
  const surging = rollout.surging.filter((name) => known(name) !== null);
  return { ...rollout, waiting, inProgress, done, surging };
}

function deadlineOf(draft: StepDraft, { inProgress, surging }: Rollout) {
  const times = [...inProgress, ...surging].map((name) => {
    const service = serviceOf(draft.state, name);
    return service === undefined ? null : readyAtOf(service);
  });
  return times.reduce((least, at) => (at === null || at <= draft.now ? least : Math.min(least ?? at, at)), null);
}

/** Why the rollout failed; null: it did not. */
function failureOf(draft: StepDraft, { members, waiting, inProgress, surging }: Rollout): string | null {
  const fresh = new Set([...inProgress, ...surging]);
  const old = new Set(waiting);
  for (const effect of draft.effects) {
    if (!isEnd(effect)) continue;
    const { service, reason, detail } = effect;
    if (fresh.has(service)) return `${service} did not get ready: ${detail}`;
    // Members that are done are judged too, except for an exit that counts as success.
    if (members.includes(service) && !old.has(service) && reason !== 'success') return `${service} failed: ${detail}`;
  }
  for (const name of fresh) {
    const service = serviceOf(draft.state, name);
    const why = service === undefined ? null : failureOfMember(draft, service, surging.includes(name));
    if (why !== null) return why;
  }
  return null;
}

function failureOfMember(draft: StepDraft, service: Service, isSurgeInstance: boolean): string | null {
  const { state, spec, lastDetail } = service;
  if (isSurgeInstance && !isWanted(service)) return `${spec.name}, a surge instance, was stopped: ${lastDetail}`;
  if (state.name === 'killing' && state.isStuck) return `${spec.name} cannot be ended: ${lastDetail}`;
  if (state.name !== 'waiting') return null;
  const obstacle = obstacleOf(draft.state, service);
  return obstacle?.isUnsatisfiable === true ? `${spec.name} waits for ${obstacle.text}` : null;
}

const ENDS: ReadonlySet<StateName> = new Set<StateName>(['backoff', 'failed', 'exited']);

function isEnd(effect: Effect): effect is Extract<Effect, { type: 'transition' }> {
  return effect.type === 'transition' && ENDS.has(effect.to);
}

/** Stops the rollout, or rolls it back if the policy says so and the previous specs are known. */
function failRollout(draft: StepDraft, rollout: Rollout, failure: string): void {
  const { kind, direction, policy, before } = rollout;
  const mayTurn = kind === 'configuration' && direction === 'forward' && policy.onFailure === 'rollback';
  if (!mayTurn || before.size === 0) return endRollout(draft, { ...rollout, failure }, failure);
  proceed(draft, turnBack(draft, { ...rollout, failure }));
}

/** Begins the rollback: changed members get their previous spec. */
export function turnBack(draft: StepDraft, rollout: Rollout): Rollout {
  const back: Rollout = { ...rollout, direction: 'back', rejected: rollout.targets };
  return beginRollout(draft, back, rollout.failure === null ? 'undone' : 'turned_back');
}
