// A configuration comes into force: decides which of its changes rollouts carry out, and begins these rollouts.

import { serviceOf } from '../fleet/ordering.ts';
import type { StepDraft } from '../fleet/step.ts';
import { isWanted } from '../life/transition.ts';
import { needsNewProcess } from '../model/changes.ts';
import type { Config } from '../model/config.ts';
import { newRollout, type Rollout } from '../model/rollout.ts';
import type { RolloutGroup, ServiceSpec } from '../model/spec.ts';
import type { Service, State } from '../model/state.ts';
import { beginRollout } from './begin.ts';
import { interruptRollout, keepRollout } from './end.ts';
import { isSame, specOf } from './member.ts';
import { membersWithUnknownSpec } from './restore.ts';
import { removeSurgeInstances } from './surge.ts';

interface LeftToRollouts {
  /** Services that the reload itself does not touch. */
  readonly names: ReadonlySet<string>;
  /** Groups of which a rollout begins. */
  readonly begun: ReadonlySet<string>;
}

/** Finds the changes that are left to rollouts. Changes only rollouts, and abandons those that have lost their purpose. */
export function leaveToRollouts(draft: StepDraft, config: Config): LeftToRollouts {
  const names = new Set<string>();
  const begun = new Set<string>();
  for (const { group } of draft.state.rollouts.values()) if (!config.rollouts.has(group)) abandonRollout(draft, group);
  for (const [name, group] of config.rollouts) {
    followGroup(draft, name, group, config);
    const changed = group.members.filter((member) => isChanged(draft.state, member, config));
    const last = draft.state.rollouts.get(name);
    for (const member of changed) names.add(member);
    if (changed.length > 0 && !isHandled(last, changed, config)) begun.add(name);
    // The configuration is what runs: there is nothing left to undo.
    else if (changed.length === 0 && last !== undefined && canBeForgotten(last)) abandonRollout(draft, name);
    for (const surgeInstance of draft.state.rollouts.get(name)?.surging ?? []) names.add(surgeInstance);
  }
  return { names, begun };
}

/** Whether the rollout has stopped or was rolled back to known specs, so that it matters no longer once nothing differs. */
function canBeForgotten({ phase, direction, before }: Rollout): boolean {
  return phase === 'stopped' || (phase === 'done' && direction === 'back' && before.size > 0);
}

/** Brings a changed group to a rollout in progress or stopped; a surge instance may have become a member. */
function followGroup(
  draft: StepDraft,
  name: string,
  { members, policy, surgeSpecs }: RolloutGroup,
  config: Config,
): void {
  const last = draft.state.rollouts.get(name);
  if (last === undefined || last.phase === 'done') return;
  const surging = last.surging.filter((surgeInstance) => !config.services.has(surgeInstance));
  for (const name of last.surging.filter((surgeInstance) => config.services.has(surgeInstance))) {
    draft.change(name, (service) => [{ ...service, desired: null }, []]);
  }
  keepRollout(draft, { ...last, members, policy, surging, surgeSpecs: { ...last.surgeSpecs, forward: surgeSpecs } });
}

function isChanged(state: State, member: string, config: Config): boolean {
  const service = serviceOf(state, member);
  const spec = config.services.get(member);
  if (service === undefined || spec === undefined || service.isRemoved) return false;
  // What cannot start on this host replaces nothing that runs.
  if (spec.hindrance !== undefined) return false;
  return isWanted(service) && isWanted({ ...service, spec }) && needsNewProcess(specOf(service), spec);
}

/** Whether the last rollout goes to these specs already, or was rolled back from them. */
function isHandled(last: Rollout | undefined, changed: readonly string[], config: Config): boolean {
  if (last === undefined) return false;
  const asFor = (specs: ReadonlyMap<string, ServiceSpec>) => (member: string) => {
    const spec = config.services.get(member);
    return spec !== undefined && isSame(specs.get(member), spec);
  };
  if (changed.every(asFor(last.rejected))) return true;
  return last.phase === 'going' && last.direction === 'forward' && changed.every(asFor(last.targets));
}

/** Begins the rollouts; the services of `config` have been added by now. */
export function beginConfigured(draft: StepDraft, config: Config, { begun }: LeftToRollouts): void {
  const { groups } = draft.state;
  for (const name of begun) {
    const group = config.rollouts.get(name);
    if (group !== undefined) beginOne(draft, name, group, groups.get(name), config);
  }
  draft.state = { ...draft.state, groups: config.rollouts };
}

function beginOne(
  draft: StepDraft,
  name: string,
  group: RolloutGroup,
  was: RolloutGroup | undefined,
  config: Config,
): void {
  const last = draft.state.rollouts.get(name);
  if (last?.phase === 'going') interruptRollout(draft, last, `a new configuration of ${name} came first`);
  const good = last !== undefined && last.kind === 'configuration' && last.phase !== 'done' ? last : null;
  const unknown = membersWithUnknownSpec(draft.state.rollouts);
  const targets = new Map<string, ServiceSpec>();
  const before = new Map<string, ServiceSpec>();
  for (const member of group.members) {
    const service: Service | undefined = serviceOf(draft.state, member);
    const target = config.services.get(member);
    if (service === undefined || target === undefined) continue;
    targets.set(member, target);
    if (!unknown.has(member)) before.set(member, good?.before.get(member) ?? specOf(service));
  }
  const rollout: Rollout = {
    ...newRollout(draft.now, name, group),
    targets,
    before,
    surgeSpecs: { forward: group.surgeSpecs, back: good?.surgeSpecs.back ?? was?.surgeSpecs ?? [] },
    surging: (last?.surging ?? []).filter((surgeInstance) => !config.services.has(surgeInstance)),
  };
  beginRollout(draft, rollout, 'begun');
}

function abandonRollout(draft: StepDraft, name: string): void {
  const last = draft.state.rollouts.get(name);
  if (last === undefined) return;
  if (last.phase === 'going') interruptRollout(draft, last, `${name} is configured otherwise now`);
  removeSurgeInstances(draft, last, true);
  const rollouts = new Map(draft.state.rollouts);
  rollouts.delete(name);
  draft.state = { ...draft.state, rollouts };
}

/** Continues the rollouts that an earlier opsd left in progress, after the services that were down are started. */
export function resumeRollouts(draft: StepDraft): void {
  for (const rollout of draft.state.rollouts.values()) {
    if (rollout.phase === 'going') beginRollout(draft, rollout, 'begun');
  }
}
