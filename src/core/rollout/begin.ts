// The beginning of a rollout, and of the way back: who is at rest gets its new form at once, the others wait.

import { serviceOf } from '../fleet/ordering.ts';
import type { StepDraft } from '../fleet/step.ts';
import { isLive, isWanted } from '../life/transition.ts';
import type { RolloutNews } from '../model/effects.ts';
import type { Rollout } from '../model/rollout.ts';
import { keepRollout } from './end.ts';
import { aimOf, give, isSame, replace, specOf } from './member.ts';
import { renewStandIns } from './surge.ts';

/** `rollout.waiting`: who is to be replaced whatever it is; of a configuration also all that are not what they are to be. */
export function begin(world: StepDraft, rollout: Rollout, news: RolloutNews): Rollout {
  const asked = new Set(rollout.direction === 'forward' ? rollout.waiting : []);
  const waiting: string[] = [];
  const inProgress: string[] = [];
  for (const name of rollout.members) {
    const service = serviceOf(world.state, name);
    if (service === undefined || service.isRemoved) continue;
    const aim = aimOf(rollout, service);
    const isDue = asked.has(name) || !isSame(specOf(service), aim);
    if (!isDue && (rollout.kind === 'restart' || service.state.name === 'running')) continue;
    if (!isWanted(service) || service.state.name === 'waiting') {
      if (isDue) world.change(name, (one) => give(one, aim));
    } else if (!isLive(service.state)) {
      world.change(name, (one, around) => replace(one, rollout, around));
      inProgress.push(name);
    } else if (isDue) waiting.push(name);
    else inProgress.push(name);
  }
  world.mayAdmit = true;
  const begun: Rollout = { ...rollout, phase: 'going', endedAt: null, waiting, inProgress, done: [] };
  renewStandIns(world, begun);
  keepRollout(world, begun);
  world.effects.push({ type: 'rollout', group: rollout.group, what: news, detail: storyOf(begun) });
  return begun;
}

function storyOf({ kind, direction, waiting, inProgress, members, failure }: Rollout): string {
  const count = `${waiting.length + inProgress.length} of ${members.length}`;
  if (direction === 'back') return `${failure ?? 'asked for'}; ${count} are rolled back`;
  return kind === 'restart'
    ? `${count} are restarted, one after the other`
    : `${count} are changed, one after the other`;
}
