// The saved state of services, which the next opsd of the same boot restores.

import { boundedDetail } from '../model/detail.ts';
import type { Millis, ServiceSpec } from '../model/spec.ts';
import type { Exit, RecentFailures, State } from '../model/state.ts';
import type { Reason, StateName } from '../model/states.ts';
import { membersWithUnknownSpec } from '../rollout/restore.ts';

/** The saved state of one service. */
export interface SavedService {
  readonly name: string;
  readonly generation: number;
  readonly state: StateName;
  readonly pid: number | null;
  /** The desired state, under the name that the state file has for it. */
  readonly wish: 'up' | 'down' | null;
  readonly restarts: number;
  readonly failuresInARow: number;
  readonly attemptsInARow: number;
  /** Monotonic times as below. This and the next: undefined: saved by a version that did not have them. */
  readonly recentFailures?: RecentFailures;
  readonly pausesInARow?: number;
  /** Monotonic: valid in this boot only. */
  readonly startedAt: Millis | null;
  readonly readyAt: Millis | null;
  /** When a service in `backoff` or `failed` is started again. */
  readonly deadline: Millis | null;
  /** The service had not recovered from `backoff` or `failed`; undefined: saved by a version that did not have this field. */
  readonly isInTrouble?: boolean;
  /** undefined: it is not. */
  readonly isUnhealthy?: true;
  readonly lastExit: Exit | null;
  readonly lastReason: Reason;
  readonly lastDetail: string;
  /** Hash of the spec that the process was started with; an equal one needs no new process. */
  readonly fingerprint: string;
  /** Hash of the spec that a rollout went back from; undefined: there is none. */
  readonly rejected?: string;
}

/** Differs from every fingerprint: the process was started by an earlier opsd with a spec that is not known. */
const UNKNOWN = 'unknown';

/** The saved state of all services. `fingerprintOf` has to be one-way, since specs hold secrets. */
export function savedServices(state: State, fingerprintOf: (spec: ServiceSpec) => string): readonly SavedService[] {
  const foreign = membersWithUnknownSpec(state.rollouts);
  const rejected = new Map([...state.rollouts.values()].flatMap((rollout) => [...rollout.rejected]));
  return state.services.map((service) => {
    const { state: now } = service;
    const run = 'run' in now ? now.run : null;
    const refused = rejected.get(service.spec.name);
    return {
      name: service.spec.name,
      generation: service.generation,
      state: now.name,
      pid: run?.pid ?? null,
      wish: service.desired,
      restarts: service.restarts,
      failuresInARow: service.failuresInARow,
      attemptsInARow: service.attemptsInARow,
      recentFailures: service.recentFailures,
      pausesInARow: service.pausesInARow,
      startedAt: run?.startedAt ?? null,
      readyAt: run?.readyAt ?? null,
      deadline: now.name === 'backoff' || now.name === 'failed' ? now.deadline : null,
      isInTrouble: service.isInTrouble,
      ...(service.isUnhealthy ? { isUnhealthy: true } : {}),
      lastExit: service.lastExit,
      lastReason: service.lastReason,
      // One that an earlier opsd saved may be longer.
      lastDetail: boundedDetail(service.lastDetail),
      fingerprint: foreign.has(service.spec.name) ? UNKNOWN : fingerprintOf(service.spec),
      ...(refused === undefined ? {} : { rejected: fingerprintOf(refused) }),
    };
  });
}
