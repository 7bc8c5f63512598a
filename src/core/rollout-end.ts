// The end of a rollout: who asked for it is answered, and those that stood in go.

import type { Outcome, RolloutNews } from './model.ts';
import type { Rollout } from './rollout-model.ts';
import { dismissStandIns } from './rollout-stand-ins.ts';
import type { World } from './world.ts';

export function keepRollout(world: World, rollout: Rollout): void {
  const rollouts = new Map(world.state.rollouts).set(rollout.group, rollout);
  world.state = { ...world.state, rollouts };
}

/** `failure`: why it stopped; null: it came to its end. */
export function endRollout(
  world: World,
  rollout: Rollout,
  phase: 'done' | 'stopped',
  failure: string | null,
  code: Extract<Outcome, { ok: false }>['code'] = 'failed',
): void {
  const { group, orders, direction } = rollout;
  const isOurs = world.state.phase.name === 'running';
  // In a shutdown they go as all others do.
  const standing = isOurs ? dismissStandIns(world, rollout, phase === 'done') : rollout.standing;
  const detail = phase === 'done' ? successOf(rollout) : failureOf(rollout, failure ?? '', isOurs);
  const ended = { ...rollout, phase, standing, detail, endedAt: world.now, deadline: null, orders: [] };
  keepRollout(world, ended);
  const what: RolloutNews = phase === 'stopped' ? 'stopped' : direction === 'back' ? 'rolled_back' : 'done';
  world.effects.push({ type: 'rollout', group, what, detail });
  const outcome: Outcome = phase === 'done' ? { ok: true, message: detail } : { ok: false, code, message: detail };
  for (const id of orders) world.effects.push({ type: 'answer', id, service: group, outcome });
}

/** Those that wait for the end hear that it will not come. */
export function disappoint(world: World, { group, orders }: Rollout, message: string): void {
  const outcome: Outcome = { ok: false, code: 'superseded', message };
  for (const id of orders) world.effects.push({ type: 'answer', id, service: group, outcome });
}

function successOf({ kind, direction, done }: Rollout): string {
  if (direction === 'back') return `${done.length} brought back to what they were, and ready`;
  return `${done.length} ${kind === 'restart' ? 'restarted' : 'changed'}, and ready`;
}

function failureOf({ kind, direction, group, waiting }: Rollout, failure: string, isOurs: boolean): string {
  if (!isOurs) return `not finished: ${failure}`;
  const rest = waiting.length === 0 ? '' : `; as before: ${brief(waiting)}`;
  const told = direction === 'back' ? `stopped on the way back, ${failure}` : `stopped, ${failure}`;
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
