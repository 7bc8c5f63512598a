// What an earlier opsd left in the middle of a rollout: old members that live, and their stand-ins.

import { newRollout, type Rollout } from '../model/rollout.ts';
import type { Config, Millis, RolloutGroup, ServiceSpec } from '../model/spec.ts';
import type { Service } from '../model/state.ts';

/** Services whose change is left to a rollout: members of groups, and those that may stand in for them. */
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

/** Members that live on in a form from before, which is not known any more. */
export interface Found {
  readonly outdated: Set<string>;
  /** The form that they are to have was gone back from. */
  readonly spared: Set<string>;
}

/** Those that go on, and those that are over but for the memory of what is not to be tried again. */
export function recallRollouts(
  config: Config,
  services: readonly Service[],
  { outdated, spared }: Found,
  now: Millis,
): ReadonlyMap<string, Rollout> {
  const there = new Set(services.filter(({ isRemoved }) => !isRemoved).map(({ spec }) => spec.name));
  const rollouts = new Map<string, Rollout>();
  for (const [name, group] of config.rollouts) {
    const waiting = group.members.filter((member) => outdated.has(member));
    const surging = group.surgeSpecs
      .map((spec) => spec.name)
      .filter((standIn) => there.has(standIn) && !config.services.has(standIn));
    const kept = group.members.filter((member) => spared.has(member));
    if (waiting.length === 0 && kept.length > 0) {
      rollouts.set(name, takenBack(name, group, kept, config, now));
      continue;
    }
    // Of some it was gone back from something else: all of them are tried.
    waiting.push(...kept);
    if (waiting.length === 0 && surging.length === 0) continue;
    const surgeSpecs = { forward: group.surgeSpecs, back: [] };
    rollouts.set(name, { ...newRollout(now, name, group), waiting, surging, surgeSpecs });
  }
  return rollouts;
}

function takenBack(name: string, group: RolloutGroup, kept: readonly string[], config: Config, now: Millis): Rollout {
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

/** Members that were found so, and whose turn has not come: what the configuration says is not what runs. */
export function membersOfUnknownForm(rollouts: ReadonlyMap<string, Rollout>): ReadonlySet<string> {
  const found = [...rollouts.values()].filter(({ kind, before }) => kind === 'configuration' && before.size === 0);
  return new Set(found.flatMap(({ waiting }) => waiting));
}
