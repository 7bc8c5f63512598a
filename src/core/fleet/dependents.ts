// Restarts dependents of a service that was started again (`on_dependency_restart`).

import { bringDown } from '../life/lifecycle.ts';
import type { Service } from '../model/state.ts';
import { serviceOf } from './ordering.ts';
import type { StepDraft } from './step.ts';

/** Restarts the dependents that were started before a dependency that became ready in this step. */
export function restartDependents(draft: StepDraft): void {
  if (!draft.hasMoved || draft.state.phase.name !== 'running') return;
  for (const effect of [...draft.effects]) {
    if (effect.type !== 'transition' || effect.to !== 'running' || effect.reason !== 'ready') continue;
    const renewed = serviceOf(draft.state, effect.service);
    if (renewed === undefined) continue;
    for (const dependent of draft.state.services)
      if (isOlder(dependent, renewed)) restartDependent(draft, dependent, renewed);
  }
}

function isOlder({ spec, state, deferred }: Service, renewed: Service): boolean {
  if (spec.policy.onDependencyRestart !== 'restart') return false;
  if ((state.name !== 'starting' && state.name !== 'running') || deferred !== null) return false;
  if (!spec.policy.dependsOn.some(({ service }) => service === renewed.spec.name)) return false;
  return 'run' in renewed.state && state.run.startedAt < renewed.state.run.startedAt;
}

function restartDependent(draft: StepDraft, dependent: Service, renewed: Service): void {
  const detail = `${renewed.spec.name}, which it depends on, was restarted`;
  draft.change(dependent.spec.name, (service, context) =>
    bringDown(service, context, { to: 'start', reason: 'dependency', detail }),
  );
}
