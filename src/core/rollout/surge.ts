// Surge instances: instances beyond the last one, there only while a rollout is in progress.

import { serviceOf } from '../fleet/ordering.ts';
import { remove } from '../fleet/removal.ts';
import type { StepDraft } from '../fleet/step.ts';
import { bringDown, start } from '../life/lifecycle.ts';
import { newService } from '../model/initial.ts';
import type { Rollout } from '../model/rollout.ts';
import type { ServiceSpec } from '../model/spec.ts';
import { isReady, replace } from './member.ts';

/** Starts surge instances: one for each running member that waits for its turn, `max_surge` at most. */
export function startSurgeInstances(draft: StepDraft, rollout: Rollout): Rollout {
  const { surgeSpecs, direction, policy, members } = rollout;
  const up = rollout.waiting.filter((name) => serviceOf(draft.state, name)?.state.name === 'running').length;
  const wanted = Math.min(policy.maxSurge, up);
  const surging = [...rollout.surging];
  for (const spec of surgeSpecs[direction]) {
    if (surging.length >= wanted) break;
    if (surging.includes(spec.name) || members.includes(spec.name)) continue;
    startSurgeInstance(draft, rollout, spec);
    surging.push(spec.name);
  }
  return { ...rollout, surging };
}

function startSurgeInstance(draft: StepDraft, rollout: Rollout, spec: ServiceSpec): void {
  const detail = `surge instance of the rollout of ${rollout.group}`;
  if (draft.state.slots.has(spec.name)) {
    // The surge instance of an earlier rollout is going down.
    draft.change(spec.name, (service, context) => {
      const back = { ...service, isRemoved: false, desired: 'up' as const, nextSpec: spec };
      return replace(back, rollout, context);
    });
    return;
  }
  draft.add({ ...newService(spec, draft.state.generationFloor, draft.now), desired: 'up' });
  draft.effects.push({ type: 'settings', service: spec.name, spec });
  const reason = rollout.kind === 'restart' ? 'operator' : 'configuration';
  draft.change(spec.name, (service, context) => start(service, context, reason, detail));
}

/** Gives surge instances of an earlier rollout that are not running the spec of this one. */
export function renewSurgeInstances(draft: StepDraft, rollout: Rollout): void {
  const specs = new Map(rollout.surgeSpecs[rollout.direction].map((spec) => [spec.name, spec]));
  for (const name of rollout.surging) {
    const spec = specs.get(name);
    if (spec === undefined || serviceOf(draft.state, name)?.state.name === 'running') continue;
    draft.change(name, (service, context) => replace({ ...service, nextSpec: spec }, rollout, context));
  }
}

/** Removes all surge instances, or those that are not ready. Returns the names of the others. */
export function removeSurgeInstances(draft: StepDraft, rollout: Rollout, all: boolean): readonly string[] {
  const kept: string[] = [];
  for (const name of rollout.surging) {
    const service = serviceOf(draft.state, name);
    if (service === undefined || service.isRemoved) continue;
    if (!all && isReady(service, draft.now)) kept.push(name);
    else {
      const why = `surge instance no longer needed after the rollout of ${rollout.group}`;
      draft.change(name, (one, context) => remove(one, context, bringDown, why));
    }
  }
  return kept;
}
