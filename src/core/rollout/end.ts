// The end of a rollout: who asked for it is answered, and those that stood in go.

import type { StepDraft } from '../fleet/step.ts';
import type { Outcome, RolloutNews } from '../model/effects.ts';
import type { Rollout } from '../model/rollout.ts';
import { dismissStandIns } from './surge.ts';

export function keepRollout(world: StepDraft, rollout: Rollout): void {
  const rollouts = new Map(world.state.rollouts).set(rollout.group, rollout);
  world.state = { ...world.state, rollouts };
}

/** `failure`: why it stopped; null: it came to its end. Those that stand in go, but for the ones that make up for it. */
export function endRollout(world: StepDraft, rollout: Rollout, failure: string | null): void {
  const surging = dismissStandIns(world, rollout, failure === null);
  const outcome: Outcome =
    failure !== null
      ? { ok: false, code: 'failed', message: failureOf(rollout, failure) }
      : rollout.failure !== null
        ? { ok: false, code: 'failed', message: `${rollout.failure}; ${successOf(rollout)}` }
        : { ok: true, message: successOf(rollout) };
  const what: RolloutNews = failure !== null ? 'stopped' : rollout.direction === 'back' ? 'rolled_back' : 'done';
  conclude(world, { ...rollout, phase: failure === null ? 'done' : 'stopped', surging }, what, outcome);
}

/** Something else came first: the end of opsd, or another configuration. */
export function interruptRollout(world: StepDraft, rollout: Rollout, why: string, code: Failure = 'superseded'): void {
  conclude(world, { ...rollout, phase: 'stopped' }, 'interrupted', {
    ok: false,
    code,
    message: `not finished: ${why}`,
  });
}

type Failure = Extract<Outcome, { ok: false }>['code'];

function conclude(world: StepDraft, rollout: Rollout, what: RolloutNews, outcome: Outcome): void {
  const { group, orders } = rollout;
  const detail = outcome.message;
  keepRollout(world, { ...rollout, detail, endedAt: world.now, deadline: null, orders: [] });
  world.effects.push({ type: 'rollout', group, what, detail });
  for (const id of orders) world.effects.push({ type: 'answer', id, service: group, outcome });
}

/** Those that wait for the end hear that it will not come. */
export function disappoint(world: StepDraft, { group, orders }: Rollout, message: string): void {
  const outcome: Outcome = { ok: false, code: 'superseded', message };
  for (const id of orders) world.effects.push({ type: 'answer', id, service: group, outcome });
}

function successOf({ kind, direction, done }: Rollout): string {
  if (direction === 'back') return `${done.length} rolled back to their previous configuration, and ready`;
  return `${done.length} ${kind === 'restart' ? 'restarted' : 'changed'}, and ready`;
}

function failureOf({ kind, direction, group, waiting }: Rollout, failure: string): string {
  const rest = waiting.length === 0 ? '' : `; as before: ${brief(waiting)}`;
  const told = direction === 'back' ? `stopped during the rollback, ${failure}` : `stopped, ${failure}`;
  const remedy =
    kind === 'restart'
      ? `see why, then: opsd ctl restart ${group} --rolling`
      : direction === 'back'
        ? 'correct the configuration, then: opsd ctl reload'
        : `go back with: opsd ctl rollout undo ${group}, or correct the configuration, then: opsd ctl reload`;
  return `${told}${rest}; ${remedy}`;
}

function brief(names: readonly string[]): string {
  return names.length <= 4 ? names.join(', ') : `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`;
}
