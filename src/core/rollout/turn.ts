// Which member a rollout replaces next, or what it waits for.

import { obstacleOf, serviceOf } from '../fleet/ordering.ts';
import type { StepDraft } from '../fleet/step.ts';
import { isWanted } from '../life/transition.ts';
import type { Rollout } from '../model/rollout.ts';
import type { Service } from '../model/state.ts';
import { isReady, targetOf } from './member.ts';

type NextTurn =
  | { readonly kind: 'take'; readonly name: string }
  | { readonly kind: 'wait'; readonly detail: string }
  /** Waiting would never end. */
  | { readonly kind: 'stuck'; readonly detail: string };

export function nextTurn(draft: StepDraft, rollout: Rollout): NextTurn {
  const { policy, inProgress } = rollout;
  const services = (names: readonly string[]) => names.flatMap((name) => serviceOf(draft.state, name) ?? []);
  const surging = services(rollout.surging);
  const readySurgeInstances = surging.filter((service) => isReady(service, draft.now)).length;
  const slots = policy.maxUnavailable + readySurgeInstances - inProgress.length;
  const free = services(rollout.waiting).filter(({ orders }) => orders.length === 0);
  // A member that is not running can be replaced at once: the group loses nothing by it.
  const down = free.find(({ state }) => state.name !== 'running');
  if (down !== undefined && (slots > 0 || inProgress.length === 0)) return { kind: 'take', name: down.spec.name };
  const late = surging.find((service) => !isReady(service, draft.now));
  if (late !== undefined) return wait(`surge instance ${told(late)}`);
  const [busy] = services(inProgress);
  if (slots <= 0 && busy !== undefined) return wait(told(busy));
  const [next] = free;
  if (next === undefined) return wait(busy === undefined ? 'the command of an operator' : told(busy));
  return mayGo(draft, rollout, next, surging);
}

/** Takes a running member down only if enough others are ready, and if it could start again. */
function mayGo(draft: StepDraft, rollout: Rollout, next: Service, surging: readonly Service[]): NextTurn {
  const { members, inProgress, policy } = rollout;
  const obstacle = obstacleOf(draft.state, { ...next, spec: targetOf(rollout, next) });
  if (obstacle !== null) {
    const detail = `${obstacle.text}, which ${next.spec.name} needs to start`;
    return obstacle.isUnsatisfiable ? { kind: 'stuck', detail: `there is no ${detail}` } : wait(detail);
  }
  const wanted = members.flatMap((name) => serviceOf(draft.state, name) ?? []).filter(isWanted);
  const missing = wanted.filter(({ spec, state }) => inProgress.includes(spec.name) || state.name !== 'running');
  const left = wanted.length - missing.length + surging.length - 1;
  if (left >= wanted.length - policy.maxUnavailable) return { kind: 'take', name: next.spec.name };
  const [first] = missing;
  if (first === undefined) return { kind: 'stuck', detail: `without ${next.spec.name} too few would be ready` };
  const isOver = missing.every(({ state: { name } }) => name === 'failed' || name === 'exited');
  if (isOver) return { kind: 'stuck', detail: `${told(first)}: without ${next.spec.name} too few would be ready` };
  return wait(told(first));
}

function wait(what: string): NextTurn {
  return { kind: 'wait', detail: `waits for ${what}` };
}

function told({ spec, state }: Service): string {
  return `${spec.name} (${state.name})`;
}
