// What one opsd writes down of its services for the next one.

import type { Millis, ServiceSpec } from '../model/spec.ts';
import type { Exit, State } from '../model/state.ts';
import type { Reason, StateName } from '../model/states.ts';
import { membersOfUnknownForm } from '../rollout/restore.ts';

/** What an opsd writes down of a service for the next one of the same boot. */
export interface SavedService {
  readonly name: string;
  readonly generation: number;
  readonly state: StateName;
  readonly pid: number | null;
  readonly wish: 'up' | 'down' | null;
  readonly restarts: number;
  readonly failuresInARow: number;
  readonly attemptsInARow: number;
  /** Monotonic, of this boot. */
  readonly startedAt: Millis | null;
  readonly readyAt: Millis | null;
  /** When a `backoff` or `failed` service is to be tried again. */
  readonly deadline: Millis | null;
  /** Whether it had not recovered from `backoff` or `failed`; undefined: written by an opsd that did not say. */
  readonly isInTrouble?: boolean;
  readonly lastExit: Exit | null;
  readonly lastReason: Reason;
  readonly lastDetail: string;
  /** Of the configuration that its process was born with; equal means no new process is needed. */
  readonly fingerprint: string;
  /** Of the configuration that a rollout went back from; undefined: of none. */
  readonly rejected?: string;
}

/** No fingerprint is like that: what it was born with is of the configuration of an opsd before. */
const UNKNOWN = 'unknown';

/** What an opsd writes down. `fingerprintOf` is one-way: secrets are part of it. */
export function savedServices(state: State, fingerprintOf: (spec: ServiceSpec) => string): readonly SavedService[] {
  const foreign = membersOfUnknownForm(state.rollouts);
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
      startedAt: run?.startedAt ?? null,
      readyAt: run?.readyAt ?? null,
      deadline: now.name === 'backoff' || now.name === 'failed' ? now.deadline : null,
      isInTrouble: service.isInTrouble,
      lastExit: service.lastExit,
      lastReason: service.lastReason,
      lastDetail: service.lastDetail,
      fingerprint: foreign.has(service.spec.name) ? UNKNOWN : fingerprintOf(service.spec),
      ...(refused === undefined ? {} : { rejected: fingerprintOf(refused) }),
    };
  });
}
