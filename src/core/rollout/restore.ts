// Restores the rollouts that an earlier opsd left in progress, from outdated members and surge instances that live.

import type { Config } from '../model/config.ts';
import { newRollout, type Rollout } from '../model/rollout.ts';
import type { Millis, RolloutGroup, ServiceSpec } from '../model/spec.ts';
import type { Service } from '../model/state.ts';

/** Services that rollouts replace: members of groups, and surge instances. */
interface Rolled {
  readonly members: ReadonlySet<string>;
  readonly surgeSpecs: ReadonlyMap<string, ServiceSpec>;
}

export function rolledOf({ rollouts, services }: Config): Rolled {
  const groups = [...rollouts.values()];
  const surgeSpecs = groups.flatMap((group) => group.surgeSpecs).filter(({ name }) => !services.has(name));
  return {
    members: new Set(groups.flatMap(({ members }) => members)),
    surgeSpecs: new Map(surgeSpecs.map((spec) => [spec.name, spec])),
  };
}

/** Names of adopted members that run with an older spec, which is not known. */
export interface OutdatedMembers {
  readonly outdated: Set<string>;
  /** Members whose configured spec was rolled back: they keep the older one. */
  readonly rejected: Set<string>;
}

/** The rollouts to continue, and those that are done but record which specs must not be tried again. */
export function restoreRollouts(
  config: Config,
  services: readonly Service[],
  { outdated, rejected }: OutdatedMembers,
  now: Millis,
): ReadonlyMap<string, Rollout> {
  const there = new Set(services.filter(({ isRemoved }) => !isRemoved).map(({ spec }) => spec.name));
  const rollouts = new Map<string, Rollout>();
  for (const [name, group] of config.rollouts) {
    const waiting = group.members.filter((member) => outdated.has(member));
    const surging = group.surgeSpecs
      .map((spec) => spec.name)
      .filter((surgeInstance) => there.has(surgeInstance) && !config.services.has(surgeInstance));
    const kept = group.members.filter((member) => rejected.has(member));
    if (waiting.length === 0 && kept.length > 0) {
      rollouts.set(name, rolledBackRollout(name, group, kept, config, now));
      continue;
    }
    // Some members were rolled back from a different spec, so the new one has not been tried: include them all.
    waiting.push(...kept);
    if (waiting.length === 0 && surging.length === 0) continue;
    const surgeSpecs = { forward: group.surgeSpecs, back: [] };
    rollouts.set(name, { ...newRollout(now, name, group), waiting, surging, surgeSpecs });
  }
  return rollouts;
}

function rolledBackRollout(
  name: string,
  group: RolloutGroup,
  kept: readonly string[],
  config: Config,
  now: Millis,
): Rollout {
  const specs = [...config.services].filter(([member]) => kept.includes(member));
  return {
    ...newRollout(now, name, group),
    ...{ direction: 'back', phase: 'done', waiting: kept, endedAt: now, rejected: new Map(specs) },
    ...{
      surgeSpecs: { forward: group.surgeSpecs, back: [] },
      detail: 'its configuration before a change that was rolled back',
    },
  };
}

/** Members that an earlier opsd started with an unknown spec and whose turn has not come: their configured spec does not run. */
export function membersWithUnknownSpec(rollouts: ReadonlyMap<string, Rollout>): ReadonlySet<string> {
  const found = [...rollouts.values()].filter(({ kind, before }) => kind === 'configuration' && before.size === 0);
  return new Set(found.flatMap(({ waiting }) => waiting));
}
