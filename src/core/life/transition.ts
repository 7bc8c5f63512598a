// One service at a moment: what it is asked about, and how it goes from one state to the next.

import type { Effect } from '../model/effects.ts';
import type { Millis } from '../model/spec.ts';
import type { Service, ServiceState } from '../model/state.ts';
import type { Reason } from '../model/states.ts';

/** What a service has to know of the world around it at the moment of a step. */
export interface StepContext {
  readonly now: Millis;
  /** In [0, 1). */
  readonly random: number;
  /** Why this service may not start at this moment; null: it may. */
  obstacle(service: Service): Obstacle | null;
  /** False while so many are on their way down and up again for their health that one more would make it worse. */
  mayRestartUnhealthy(): boolean;
  /** Shutting down: nothing starts any more, and a stop may not take longer than until then. */
  readonly closingAt: Millis | null;
}

export interface Obstacle {
  /** What it waits for. */
  readonly text: string;
  /** The service that it waits for; null: something else. */
  readonly on: string | null;
  /** It will not go away by itself. */
  readonly isUnsatisfiable: boolean;
}

export type Moved = readonly [Service, readonly Effect[]];

/** Is there, or may there be, a process of it? */
export function isLive(state: ServiceState): boolean {
  return 'run' in state;
}

/** Should it be up: the operator's word before the file's. */
export function isWanted(service: Service): boolean {
  return !service.isRemoved && (service.desired ?? (service.spec.policy.enabled ? 'up' : 'down')) === 'up';
}

/** Failures in a row as they count now: staying up for `stable_after` forgets them. */
export function failuresNow(service: Service, now: Millis): number {
  return isStable(service, now) ? 0 : service.failuresInARow;
}

/** Its failures do not count any more. */
export function forgiven(service: Service): Service {
  return { ...service, failuresInARow: 0, attemptsInARow: 0 };
}

/** It was ready for `stable_after` in its last generation. Read from the state it is in, or leaves at this moment. */
export function isStable(service: Service, now: Millis): boolean {
  const { state } = service;
  const readyAt = 'run' in state ? state.run.readyAt : null;
  // The same sum as in its deadline: a difference may be rounded to less, and the deadline would come again and again.
  return readyAt !== null && now >= readyAt + service.spec.policy.stableAfter;
}

/** Changes the state, and says so. */
export function move(
  service: Service,
  state: ServiceState,
  around: StepContext,
  reason: Reason,
  detail: string,
): Moved {
  const run = 'run' in state ? state.run : null;
  const before = 'run' in service.state ? service.state.run : null;
  const isInTrouble = service.isInTrouble || state.name === 'backoff' || state.name === 'failed';
  const moved: Service = { ...service, state, isInTrouble, since: around.now, lastReason: reason, lastDetail: detail };
  const transition: Effect = {
    type: 'transition',
    service: service.spec.name,
    from: service.state.name,
    to: state.name,
    generation: moved.generation,
    // What ends is told by the process that ended, what starts by none until there is one.
    pid: state.name === 'starting' ? state.run.pid : (run?.pid ?? before?.pid ?? null),
    reason,
    detail,
    exit: moved.lastExit,
    failuresInARow: moved.failuresInARow,
    nextAttemptAt: state.name === 'backoff' || state.name === 'failed' ? state.deadline : null,
  };
  return [moved, [transition]];
}

export function unreachable(value: never): never {
  throw new Error(`a case that cannot be: ${JSON.stringify(value)}`);
}
