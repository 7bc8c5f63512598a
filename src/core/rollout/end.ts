// The end of a rollout: its commands are answered, and its surge instances are removed.

import type { StepDraft } from '../fleet/step.ts';
import type { Outcome, RolloutNews } from '../model/effects.ts';
import type { Rollout } from '../model/rollout.ts';
import { removeSurgeInstances } from './surge.ts';

export function keepRollout(draft: StepDraft, rollout: Rollout): void {
  const rollouts = new Map(draft.state.rollouts).set(rollout.group, rollout);
  draft.state = { ...draft.state, rollouts };
}

/** `failure`: why the rollout stopped; null: it is done. After a failure ready surge instances stay, in place of the failed member. */
export function endRollout(draft: StepDraft, rollout: Rollout, failure: string | null): void {
  const surging = removeSurgeInstances(draft, rollout, failure === null);
  const outcome: Outcome =
    failure !== null
      ? { ok: false, code: 'failed', message: failureOf(rollout, failure) }
      : rollout.failure !== null
        ? { ok: false, code: 'failed', message: `${rollout.failure}; ${successOf(rollout)}` }
        : { ok: true, message: successOf(rollout) };
  const what: RolloutNews = failure !== null ? 'stopped' : rollout.direction === 'back' ? 'rolled_back' : 'done';
  conclude(draft, { ...rollout, phase: failure === null ? 'done' : 'stopped', surging }, what, outcome);
}

/** Ends a rollout because opsd ends, or another configuration replaces it. */
export function interruptRollout(draft: StepDraft, rollout: Rollout, why: string, code: Failure = 'superseded'): void {
  conclude(draft, { ...rollout, phase: 'stopped' }, 'interrupted', {
    ok: false,
    code,
    message: `not finished: ${why}`,
  });
}

type Failure = Extract<Outcome, { ok: false }>['code'];

function conclude(draft: StepDraft, rollout: Rollout, what: RolloutNews, outcome: Outcome): void {
  const { group, orders } = rollout;
  const detail = outcome.message;
  keepRollout(draft, { ...rollout, detail, endedAt: draft.now, deadline: null, orders: [] });
  draft.effects.push({ type: 'rollout', group, what, detail });
  for (const id of orders) draft.effects.push({ type: 'answer', id, service: group, outcome });
}

/** Answers the commands that wait for the end of the rollout: something else came first. */
export function supersedeCommands(draft: StepDraft, { group, orders }: Rollout, message: string): void {
  const outcome: Outcome = { ok: false, code: 'superseded', message };
  for (const id of orders) draft.effects.push({ type: 'answer', id, service: group, outcome });
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
