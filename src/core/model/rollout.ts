// The state of a rollout, which replaces the members of a group one after the other.

import type { Millis, RolloutGroup, RolloutPolicy, ServiceSpec } from './spec.ts';

export interface Rollout {
  readonly group: string;
  readonly kind: 'restart' | 'configuration';
  /** `back`: changed members get their previous spec. */
  readonly direction: 'forward' | 'back';
  readonly phase: 'going' | 'stopped' | 'done';
  readonly policy: RolloutPolicy;
  /** All members of the group, unchanged ones too. */
  readonly members: readonly string[];
  /** Target and previous spec by service. Empty for a rolling restart; `before` is empty when an earlier opsd started the members. */
  readonly targets: ReadonlyMap<string, ServiceSpec>;
  readonly before: ReadonlyMap<string, ServiceSpec>;
  /** Specs of the surge instances, made from the new configuration and from the previous one. */
  readonly surgeSpecs: { readonly forward: readonly ServiceSpec[]; readonly back: readonly ServiceSpec[] };
  /** Names of the surge instances that exist. */
  readonly surging: readonly string[];
  /** Members whose turn is to come. */
  readonly waiting: readonly string[];
  /** Members that were taken down and are not ready again. */
  readonly inProgress: readonly string[];
  /** Members that were replaced, and are ready. */
  readonly done: readonly string[];
  readonly startedAt: Millis;
  /** null: the rollout is in progress. */
  readonly endedAt: Millis | null;
  /** Why the rollout stopped or turned back, in one sentence; null: neither happened. */
  readonly failure: string | null;
  /** What the rollout waits for, or how it ended; one sentence. */
  readonly detail: string;
  /** When the rollout must be looked at again; null: after the next event. */
  readonly deadline: Millis | null;
  /** Specs that the members were rolled back from: a reload that asks for the same is not tried again by itself. */
  readonly rejected: ReadonlyMap<string, ServiceSpec>;
  /** Ids of the commands that are answered when the rollout ends. */
  readonly orders: readonly number[];
}

/** A rollout in progress, forward, with no targets yet. */
export function newRollout(now: Millis, group: string, { members, policy }: Omit<RolloutGroup, 'surgeSpecs'>): Rollout {
  return {
    ...{ group, kind: 'configuration', direction: 'forward', phase: 'going', policy, members },
    ...{ targets: new Map(), before: new Map(), surgeSpecs: { forward: [], back: [] }, surging: [] },
    ...{ waiting: [], inProgress: [], done: [], startedAt: now, endedAt: null, failure: null, detail: '' },
    ...{ deadline: null, rejected: new Map(), orders: [] },
  };
}
