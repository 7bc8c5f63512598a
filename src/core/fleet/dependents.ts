// What becomes of those that depend on a service which was started anew (`on_dependency_restart`).

import { bringDown } from '../life/lifecycle.ts';
import type { Service } from '../model/state.ts';
import { serviceOf } from './ordering.ts';
import type { StepDraft } from './step.ts';

/** After a step in which services became ready: those that were started before them, and want to, follow. */
export function restartDependents(world: StepDraft): void {
  if (!world.hasMoved || world.state.phase.name !== 'running') return;
  for (const effect of [...world.effects]) {
    if (effect.type !== 'transition' || effect.to !== 'running' || effect.reason !== 'ready') continue;
    const renewed = serviceOf(world.state, effect.service);
    if (renewed === undefined) continue;
    for (const dependent of world.state.services) if (isOlder(dependent, renewed)) follow(world, dependent, renewed);
  }
}

function isOlder({ spec, state, deferred }: Service, renewed: Service): boolean {
  if (spec.policy.onDependencyRestart !== 'restart') return false;
  if ((state.name !== 'starting' && state.name !== 'running') || deferred !== null) return false;
  if (!spec.policy.dependsOn.some(({ service }) => service === renewed.spec.name)) return false;
  return 'run' in renewed.state && state.run.startedAt < renewed.state.run.startedAt;
}

function follow(world: StepDraft, dependent: Service, renewed: Service): void {
  const detail = `${renewed.spec.name}, which it depends on, was restarted`;
  world.change(dependent.spec.name, (service, around) =>
    bringDown(service, around, { to: 'start', reason: 'dependency', detail }),
  );
}
