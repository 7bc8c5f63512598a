// What an earlier opsd left in the middle of a rollout: old members that live, and their stand-ins.

import type { Service } from './model.ts';
import { newRollout, type Rollout } from './rollout-model.ts';
import type { Config, Millis, ServiceSpec } from './spec.ts';

/** Services whose change is left to a rollout: members of groups, and those that may stand in for them. */
export interface Rolled {
  readonly members: ReadonlySet<string>;
  readonly standIns: ReadonlyMap<string, ServiceSpec>;
}

export function rolledOf({ rollouts, services }: Config): Rolled {
  const groups = [...rollouts.values()];
  const standIns = groups.flatMap((group) => group.standIns).filter(({ name }) => !services.has(name));
  return {
    members: new Set(groups.flatMap(({ members }) => members)),
    standIns: new Map(standIns.map((spec) => [spec.name, spec])),
  };
}

/** Those that go on: `outdated` members live on in a form from before. What that was is not known. */
export function recallRollouts(
  config: Config,
  services: readonly Service[],
  outdated: ReadonlySet<string>,
  now: Millis,
): ReadonlyMap<string, Rollout> {
  const there = new Set(services.filter(({ removed }) => !removed).map(({ spec }) => spec.name));
  const rollouts = new Map<string, Rollout>();
  for (const [name, group] of config.rollouts) {
    const waiting = group.members.filter((member) => outdated.has(member));
    const standing = group.standIns
      .map((spec) => spec.name)
      .filter((standIn) => there.has(standIn) && !config.services.has(standIn));
    if (waiting.length === 0 && standing.length === 0) continue;
    const standIns = { forward: group.standIns, back: [] };
    rollouts.set(name, { ...newRollout(now, name, group), waiting, standing, standIns });
  }
  return rollouts;
}

/** Members that were found so, and whose turn has not come: what the configuration says is not what runs. */
export function membersOfUnknownForm(rollouts: ReadonlyMap<string, Rollout>): ReadonlySet<string> {
  const found = [...rollouts.values()].filter(({ kind, before }) => kind === 'configuration' && before.size === 0);
  return new Set(found.flatMap(({ waiting }) => waiting));
}
