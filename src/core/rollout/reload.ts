// A configuration comes into force: what of it is brought to its services step by step, and not at once.

import { serviceOf } from '../fleet/ordering.ts';
import type { StepDraft } from '../fleet/step.ts';
import { isWanted } from '../life/transition.ts';
import { needsNewProcess } from '../model/changes.ts';
import { newRollout, type Rollout } from '../model/rollout.ts';
import type { Config, RolloutGroup, ServiceSpec } from '../model/spec.ts';
import type { Service, State } from '../model/state.ts';
import { begin } from './begin.ts';
import { interruptRollout, keepRollout } from './end.ts';
import { isSame, specOf } from './member.ts';
import { membersOfUnknownForm } from './restore.ts';
import { dismissStandIns } from './surge.ts';

interface Left {
  /** Services that are not touched for now. */
  readonly names: ReadonlySet<string>;
  /** Groups of which a rollout begins. */
  readonly begun: ReadonlySet<string>;
}

/** What of `config` is left to rollouts. Changes nothing but rollouts that have lost their sense. */
export function leaveToRollouts(world: StepDraft, config: Config): Left {
  const names = new Set<string>();
  const begun = new Set<string>();
  for (const { group } of world.state.rollouts.values()) if (!config.rollouts.has(group)) abandon(world, group);
  for (const [name, group] of config.rollouts) {
    follow(world, name, group, config);
    const changed = group.members.filter((member) => isChanged(world.state, member, config));
    const last = world.state.rollouts.get(name);
    for (const member of changed) names.add(member);
    if (changed.length > 0 && !isKnown(last, changed, config)) begun.add(name);
    // The file says again what runs: there is nothing left to go back to.
    else if (changed.length === 0 && last !== undefined && isOver(last)) abandon(world, name);
    for (const standIn of world.state.rollouts.get(name)?.surging ?? []) names.add(standIn);
  }
  return { names, begun };
}

/** It has stopped, or what was changed was taken back, to a form that is known. */
function isOver({ phase, direction, before }: Rollout): boolean {
  return phase === 'stopped' || (phase === 'done' && direction === 'back' && before.size > 0);
}

/** Another number of members; a stand-in may have become one. */
function follow(world: StepDraft, name: string, { members, policy, surgeSpecs }: RolloutGroup, config: Config): void {
  const last = world.state.rollouts.get(name);
  if (last === undefined || last.phase === 'done') return;
  const surging = last.surging.filter((standIn) => !config.services.has(standIn));
  for (const name of last.surging.filter((standIn) => config.services.has(standIn))) {
    world.change(name, (service) => [{ ...service, desired: null }, []]);
  }
  keepRollout(world, { ...last, members, policy, surging, surgeSpecs: { ...last.surgeSpecs, forward: surgeSpecs } });
}

function isChanged(state: State, member: string, config: Config): boolean {
  const service = serviceOf(state, member);
  const spec = config.services.get(member);
  if (service === undefined || spec === undefined || service.isRemoved) return false;
  return isWanted(service) && isWanted({ ...service, spec }) && needsNewProcess(specOf(service), spec);
}

/** It is on its way to that already, or has come back from it. */
function isKnown(last: Rollout | undefined, changed: readonly string[], config: Config): boolean {
  if (last === undefined) return false;
  const asFor = (specs: ReadonlyMap<string, ServiceSpec>) => (member: string) => {
    const spec = config.services.get(member);
    return spec !== undefined && isSame(specs.get(member), spec);
  };
  if (changed.every(asFor(last.rejected))) return true;
  return last.phase === 'going' && last.direction === 'forward' && changed.every(asFor(last.targets));
}

/** The services of `config` are known by now. */
export function beginConfigured(world: StepDraft, config: Config, { begun }: Left): void {
  const { groups } = world.state;
  for (const name of begun) {
    const group = config.rollouts.get(name);
    if (group !== undefined) beginOne(world, name, group, groups.get(name), config);
  }
  world.state = { ...world.state, groups: config.rollouts };
}

function beginOne(
  world: StepDraft,
  name: string,
  group: RolloutGroup,
  was: RolloutGroup | undefined,
  config: Config,
): void {
  const last = world.state.rollouts.get(name);
  if (last?.phase === 'going') interruptRollout(world, last, `a new configuration of ${name} came first`);
  const good = last !== undefined && last.kind === 'configuration' && last.phase !== 'done' ? last : null;
  const unknown = membersOfUnknownForm(world.state.rollouts);
  const targets = new Map<string, ServiceSpec>();
  const before = new Map<string, ServiceSpec>();
  for (const member of group.members) {
    const service: Service | undefined = serviceOf(world.state, member);
    const target = config.services.get(member);
    if (service === undefined || target === undefined) continue;
    targets.set(member, target);
    if (!unknown.has(member)) before.set(member, good?.before.get(member) ?? specOf(service));
  }
  const rollout: Rollout = {
    ...newRollout(world.now, name, group),
    targets,
    before,
    surgeSpecs: { forward: group.surgeSpecs, back: good?.surgeSpecs.back ?? was?.surgeSpecs ?? [] },
    surging: (last?.surging ?? []).filter((standIn) => !config.services.has(standIn)),
  };
  begin(world, rollout, 'begun');
}

function abandon(world: StepDraft, name: string): void {
  const last = world.state.rollouts.get(name);
  if (last === undefined) return;
  if (last.phase === 'going') interruptRollout(world, last, `${name} is configured otherwise now`);
  dismissStandIns(world, last, true);
  const rollouts = new Map(world.state.rollouts);
  rollouts.delete(name);
  world.state = { ...world.state, rollouts };
}

/** What was recalled of an earlier opsd's goes on, now that the services that were down are being started. */
export function resumeRollouts(world: StepDraft): void {
  for (const rollout of world.state.rollouts.values()) {
    if (rollout.phase === 'going') begin(world, rollout, 'begun');
  }
}
