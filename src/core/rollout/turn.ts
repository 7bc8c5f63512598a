// Whose turn it is in a rollout, and what is waited for where it is nobody's.

import { obstacleOf, serviceOf } from '../fleet/ordering.ts';
import type { StepDraft } from '../fleet/step.ts';
import { isWanted } from '../life/transition.ts';
import type { Rollout } from '../model/rollout.ts';
import type { Service } from '../model/state.ts';
import { aimOf, isReady } from './member.ts';

type Turn =
  | { readonly kind: 'take'; readonly name: string }
  | { readonly kind: 'wait'; readonly detail: string }
  /** It would wait for ever. */
  | { readonly kind: 'stuck'; readonly detail: string };

export function nextTurn(world: StepDraft, rollout: Rollout): Turn {
  const { policy, inProgress } = rollout;
  const services = (names: readonly string[]) => names.flatMap((name) => serviceOf(world.state, name) ?? []);
  const surging = services(rollout.surging);
  const readyStandIns = surging.filter((service) => isReady(service, world.now)).length;
  const slots = policy.maxUnavailable + readyStandIns - inProgress.length;
  const free = services(rollout.waiting).filter(({ orders }) => orders.length === 0);
  // Who is not up loses nothing, and takes nothing from anybody.
  const down = free.find(({ state }) => state.name !== 'running');
  if (down !== undefined && (slots > 0 || inProgress.length === 0)) return { kind: 'take', name: down.spec.name };
  const late = surging.find((service) => !isReady(service, world.now));
  if (late !== undefined) return wait(`its stand-in ${told(late)}`);
  const [busy] = services(inProgress);
  if (slots <= 0 && busy !== undefined) return wait(told(busy));
  const [next] = free;
  if (next === undefined) return wait(busy === undefined ? 'an order that an operator gave' : told(busy));
  return mayGo(world, rollout, next, surging);
}

/** Not one goes where too few would be left, or where it could not come back. */
function mayGo(world: StepDraft, rollout: Rollout, next: Service, surging: readonly Service[]): Turn {
  const { members, inProgress, policy } = rollout;
  const obstacle = obstacleOf(world.state, { ...next, spec: aimOf(rollout, next) });
  if (obstacle !== null) {
    const detail = `${obstacle.text}, which ${next.spec.name} needs to start`;
    return obstacle.isUnsatisfiable ? { kind: 'stuck', detail: `there is no ${detail}` } : wait(detail);
  }
  const wanted = members.flatMap((name) => serviceOf(world.state, name) ?? []).filter(isWanted);
  const missing = wanted.filter(({ spec, state }) => inProgress.includes(spec.name) || state.name !== 'running');
  const left = wanted.length - missing.length + surging.length - 1;
  if (left >= wanted.length - policy.maxUnavailable) return { kind: 'take', name: next.spec.name };
  const [first] = missing;
  if (first === undefined) return { kind: 'stuck', detail: `without ${next.spec.name} too few would be ready` };
  const isOver = missing.every(({ state: { name } }) => name === 'failed' || name === 'exited');
  if (isOver) return { kind: 'stuck', detail: `${told(first)}: without ${next.spec.name} too few would be ready` };
  return wait(told(first));
}

function wait(what: string): Turn {
  return { kind: 'wait', detail: `waits for ${what}` };
}

function told({ spec, state }: Service): string {
  return `${spec.name} (${state.name})`;
}
