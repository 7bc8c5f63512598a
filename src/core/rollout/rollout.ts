// Rollouts as they proceed: after each step of the supervisor the next member goes, if it may.

import { obstacleOf, serviceOf } from '../fleet/ordering.ts';
import type { StepDraft } from '../fleet/step.ts';
import { isWanted } from '../life/transition.ts';
import type { Effect } from '../model/effects.ts';
import type { Rollout } from '../model/rollout.ts';
import type { Service } from '../model/state.ts';
import type { StateName } from '../model/states.ts';
import { begin } from './begin.ts';
import { endRollout, interruptRollout, keepRollout } from './end.ts';
import { aimOf, give, isReady, readyAtOf, replace } from './member.ts';
import { bringStandIns } from './surge.ts';
import { nextTurn } from './turn.ts';

/** After a step: those that go on go on. With the supervisor's own end they end. */
export function advanceRollouts(world: StepDraft): void {
  for (const rollout of world.state.rollouts.values()) {
    if (rollout.phase !== 'going') continue;
    const { name } = world.state.phase;
    if (name === 'running') advance(world, rollout);
    else if (name === 'over') interruptRollout(world, rollout, 'opsd is handing over: ask the next opsd', 'gone');
    else interruptRollout(world, rollout, 'opsd is shutting down', 'shutting_down');
  }
}

function advance(world: StepDraft, rollout: Rollout): void {
  const failure = failureOf(world, rollout);
  const seen = observe(world, rollout);
  if (failure === null) proceed(world, seen);
  else fail(world, seen, failure);
}

/** Takes whoever's turn it is, until nobody may go. */
function proceed(world: StepDraft, from: Rollout): void {
  let rollout = bringStandIns(world, from);
  for (;;) {
    if (rollout.waiting.length === 0 && rollout.inProgress.length === 0) return endRollout(world, rollout, null);
    const turn = nextTurn(world, rollout);
    switch (turn.kind) {
      case 'wait':
        return keepRollout(world, { ...rollout, detail: turn.detail, deadline: deadlineOf(world, rollout) });
      case 'stuck':
        return fail(world, rollout, turn.detail);
      case 'take':
        rollout = take(world, rollout, turn.name);
    }
  }
}

function take(world: StepDraft, rollout: Rollout, name: string): Rollout {
  world.change(name, (service, around) => replace(service, rollout, around));
  const waiting = rollout.waiting.filter((other) => other !== name);
  return { ...rollout, waiting, inProgress: [...rollout.inProgress, name] };
}

/** What has become of those under way, and who is in an operator's hands now. */
function observe(world: StepDraft, rollout: Rollout): Rollout {
  const known = (name: string) => {
    const service = serviceOf(world.state, name);
    return service === undefined || service.isRemoved ? null : service;
  };
  const waiting: string[] = [];
  for (const name of rollout.waiting) {
    const service = known(name);
    if (service === null) continue;
    if (isWanted(service)) waiting.push(name);
    else world.change(name, (one) => give(one, aimOf(rollout, one)));
  }
  const inProgress: string[] = [];
  const done = [...rollout.done];
  for (const name of rollout.inProgress) {
    const service = known(name);
    if (service === null || !isWanted(service) || service.state.name === 'stopped') continue;
    if (isReady(service, world.now)) done.push(name);
    else inProgress.push(name);
  }
  const surging = rollout.surging.filter((name) => known(name) !== null);
  return { ...rollout, waiting, inProgress, done, surging };
}

function deadlineOf(world: StepDraft, { inProgress, surging }: Rollout) {
  const times = [...inProgress, ...surging].map((name) => {
    const service = serviceOf(world.state, name);
    return service === undefined ? null : readyAtOf(service);
  });
  return times.reduce((least, at) => (at === null || at <= world.now ? least : Math.min(least ?? at, at)), null);
}

/** Why it cannot go on; null: it can. */
function failureOf(world: StepDraft, { members, waiting, inProgress, surging }: Rollout): string | null {
  const fresh = new Set([...inProgress, ...surging]);
  const old = new Set(waiting);
  for (const effect of world.effects) {
    if (!isEnd(effect)) continue;
    const { service, reason, detail } = effect;
    if (fresh.has(service)) return `${service} did not get ready: ${detail}`;
    // What runs the new form already is judged too, but for an end that its policy takes for a success.
    if (members.includes(service) && !old.has(service) && reason !== 'success') return `${service} failed: ${detail}`;
  }
  for (const name of fresh) {
    const service = serviceOf(world.state, name);
    const why = service === undefined ? null : troubleOf(world, service, surging.includes(name));
    if (why !== null) return why;
  }
  return null;
}

function troubleOf(world: StepDraft, service: Service, isStandIn: boolean): string | null {
  const { state, spec, lastDetail } = service;
  if (isStandIn && !isWanted(service)) return `${spec.name}, a surge instance, was stopped: ${lastDetail}`;
  if (state.name === 'killing' && state.isStuck) return `${spec.name} cannot be ended: ${lastDetail}`;
  if (state.name !== 'waiting') return null;
  const obstacle = obstacleOf(world.state, service);
  return obstacle?.isUnsatisfiable === true ? `${spec.name} waits for ${obstacle.text}` : null;
}

const ENDS: ReadonlySet<StateName> = new Set<StateName>(['backoff', 'failed', 'exited']);

function isEnd(effect: Effect): effect is Extract<Effect, { type: 'transition' }> {
  return effect.type === 'transition' && ENDS.has(effect.to);
}

/** It stops, or goes back where that is wanted and can be done. */
function fail(world: StepDraft, rollout: Rollout, failure: string): void {
  const { kind, direction, policy, before } = rollout;
  const mayTurn = kind === 'configuration' && direction === 'forward' && policy.onFailure === 'rollback';
  if (!mayTurn || before.size === 0) return endRollout(world, { ...rollout, failure }, failure);
  proceed(world, turnBack(world, { ...rollout, failure }));
}

/** What was changed goes back to what it was. */
export function turnBack(world: StepDraft, rollout: Rollout): Rollout {
  const back: Rollout = { ...rollout, direction: 'back', rejected: rollout.targets };
  return begin(world, back, rollout.failure === null ? 'undone' : 'turned_back');
}
