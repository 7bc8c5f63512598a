// A rollout: the members of a group are replaced one after the other, and what is known of that.

import type { Millis, RolloutGroup, RolloutPolicy, ServiceSpec } from './spec.ts';

export interface Rollout {
  readonly group: string;
  readonly kind: 'restart' | 'configuration';
  /** `back`: what was changed is brought back to what it was before. */
  readonly direction: 'forward' | 'back';
  readonly phase: 'going' | 'stopped' | 'done';
  readonly policy: RolloutPolicy;
  /** All of the group, those that stay as they are too. */
  readonly members: readonly string[];
  /** What each is to be, and was; of a restart nothing, and of what an earlier opsd started nothing is known. */
  readonly targets: ReadonlyMap<string, ServiceSpec>;
  readonly before: ReadonlyMap<string, ServiceSpec>;
  /** Who could stand in, in the new form and in the old one. */
  readonly surgeSpecs: { readonly forward: readonly ServiceSpec[]; readonly back: readonly ServiceSpec[] };
  /** Names of the stand-ins that are there. */
  readonly surging: readonly string[];
  /** Members whose turn is to come. */
  readonly waiting: readonly string[];
  /** Members that were taken down and are not ready again. */
  readonly inProgress: readonly string[];
  /** Members that were replaced, and are ready. */
  readonly done: readonly string[];
  readonly startedAt: Millis;
  /** null: it goes on. */
  readonly endedAt: Millis | null;
  /** Why it stopped or turned back, in one sentence; null: all went well. */
  readonly failure: string | null;
  /** What it waits for, or how it ended; one sentence. */
  readonly detail: string;
  /** When it must be looked at again; null: when something happens. */
  readonly deadline: Millis | null;
  /** What was gone back from: a configuration that asks for the same is not tried again by itself. */
  readonly rejected: ReadonlyMap<string, ServiceSpec>;
  /** Who is to hear how it ends. */
  readonly orders: readonly number[];
}

/** One that goes forward, to nothing in particular. */
export function newRollout(now: Millis, group: string, { members, policy }: Omit<RolloutGroup, 'surgeSpecs'>): Rollout {
  return {
    ...{ group, kind: 'configuration', direction: 'forward', phase: 'going', policy, members },
    ...{ targets: new Map(), before: new Map(), surgeSpecs: { forward: [], back: [] }, surging: [] },
    ...{ waiting: [], inProgress: [], done: [], startedAt: now, endedAt: null, failure: null, detail: '' },
    ...{ deadline: null, rejected: new Map(), orders: [] },
  };
}
