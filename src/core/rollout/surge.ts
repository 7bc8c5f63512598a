// Stand-ins: instances beyond the last one, there only while a rollout goes on.

import { serviceOf } from '../fleet/ordering.ts';
import type { StepDraft } from '../fleet/step.ts';
import { bringDown, start } from '../life/lifecycle.ts';
import { remove } from '../life/removal.ts';
import { newService } from '../model/initial.ts';
import type { Rollout } from '../model/rollout.ts';
import type { ServiceSpec } from '../model/spec.ts';
import { isReady, replace } from './member.ts';

/** As many as there may be, where somebody who is up has to go. */
export function bringStandIns(world: StepDraft, rollout: Rollout): Rollout {
  const { surgeSpecs, direction, policy, members } = rollout;
  const up = rollout.waiting.filter((name) => serviceOf(world.state, name)?.state.name === 'running').length;
  const wanted = Math.min(policy.maxSurge, up);
  const surging = [...rollout.surging];
  for (const spec of surgeSpecs[direction]) {
    if (surging.length >= wanted) break;
    if (surging.includes(spec.name) || members.includes(spec.name)) continue;
    bring(world, rollout, spec);
    surging.push(spec.name);
  }
  return { ...rollout, surging };
}

function bring(world: StepDraft, rollout: Rollout, spec: ServiceSpec): void {
  const detail = `surge instance of the rollout of ${rollout.group}`;
  if (world.state.slots.has(spec.name)) {
    // One of an earlier rollout is on its way down.
    world.change(spec.name, (service, around) => {
      const back = { ...service, isRemoved: false, desired: 'up' as const, nextSpec: spec };
      return replace(back, rollout, around);
    });
    return;
  }
  world.add({ ...newService(spec, world.state.generationFloor, world.now), desired: 'up' });
  world.effects.push({ type: 'settings', service: spec.name, spec });
  const reason = rollout.kind === 'restart' ? 'operator' : 'configuration';
  world.change(spec.name, (service, around) => start(service, around, reason, detail));
}

/** Those of an earlier rollout that are not up are to be of the form that is wanted now. */
export function renewStandIns(world: StepDraft, rollout: Rollout): void {
  const specs = new Map(rollout.surgeSpecs[rollout.direction].map((spec) => [spec.name, spec]));
  for (const name of rollout.surging) {
    const spec = specs.get(name);
    if (spec === undefined || serviceOf(world.state, name)?.state.name === 'running') continue;
    world.change(name, (service, around) => replace({ ...service, nextSpec: spec }, rollout, around));
  }
}

/** `all`, or those that are not ready: the others do the work of one that failed. Returns who is left. */
export function dismissStandIns(world: StepDraft, rollout: Rollout, all: boolean): readonly string[] {
  const kept: string[] = [];
  for (const name of rollout.surging) {
    const service = serviceOf(world.state, name);
    if (service === undefined || service.isRemoved) continue;
    if (!all && isReady(service, world.now)) kept.push(name);
    else {
      const why = `surge instance no longer needed after the rollout of ${rollout.group}`;
      world.change(name, (one, around) => remove(one, around, bringDown, why));
    }
  }
  return kept;
}
