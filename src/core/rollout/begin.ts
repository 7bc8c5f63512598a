// Begins a rollout, forward or back: members without processes get their new spec at once, the others wait for their turn.

import { serviceOf } from '../fleet/ordering.ts';
import type { StepDraft } from '../fleet/step.ts';
import { isLive, isWanted } from '../life/transition.ts';
import type { RolloutNews } from '../model/effects.ts';
import type { Rollout } from '../model/rollout.ts';
import { keepRollout } from './end.ts';
import { isSame, replace, setNextSpec, specOf, targetOf } from './member.ts';
import { renewSurgeInstances } from './surge.ts';

/** `rollout.waiting`: members to replace in any case. Members whose spec is not their target are added. */
export function beginRollout(draft: StepDraft, rollout: Rollout, news: RolloutNews): Rollout {
  const asked = new Set(rollout.direction === 'forward' ? rollout.waiting : []);
  const waiting: string[] = [];
  const inProgress: string[] = [];
  for (const name of rollout.members) {
    const service = serviceOf(draft.state, name);
    if (service === undefined || service.isRemoved) continue;
    const aim = targetOf(rollout, service);
    const isDue = asked.has(name) || !isSame(specOf(service), aim);
    if (!isDue && (rollout.kind === 'restart' || service.state.name === 'running')) continue;
    if (!isWanted(service) || service.state.name === 'waiting') {
      if (isDue) draft.change(name, (one) => setNextSpec(one, aim));
    } else if (!isLive(service.state)) {
      draft.change(name, (one, context) => replace(one, rollout, context));
      inProgress.push(name);
    } else if (isDue) waiting.push(name);
    else inProgress.push(name);
  }
  draft.mayAdmit = true;
  const begun: Rollout = { ...rollout, phase: 'going', endedAt: null, waiting, inProgress, done: [] };
  renewSurgeInstances(draft, begun);
  keepRollout(draft, begun);
  draft.effects.push({ type: 'rollout', group: rollout.group, what: news, detail: describeBeginning(begun) });
  return begun;
}

function describeBeginning({ kind, direction, waiting, inProgress, members, failure }: Rollout): string {
  const count = `${waiting.length + inProgress.length} of ${members.length}`;
  if (direction === 'back') return `${failure ?? 'asked for'}; ${count} are rolled back`;
  return kind === 'restart'
    ? `${count} are restarted, one after the other`
    : `${count} are changed, one after the other`;
}
