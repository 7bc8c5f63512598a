// What can be asked of one service, and how it changes from one state to the next.

import { boundedDetail } from '../model/detail.ts';
import type { Effect } from '../model/effects.ts';
import type { Millis } from '../model/spec.ts';
import type { Run, Service, ServiceState } from '../model/state.ts';
import type { Reason } from '../model/states.ts';

/** What a change of one service needs beside the service: the time, randomness, and questions about other services. */
export interface StepContext {
  readonly now: Millis;
  /** In [0, 1). */
  readonly random: number;
  /** Why this service may not start at this moment; null: it may. */
  obstacle(service: Service): Obstacle | null;
  /** False while as many services are being restarted for their health as may start at the same time. */
  mayRestartUnhealthy(): boolean;
  /** The deadline of a shutdown, which bounds every stop; null: none, and services may start. */
  readonly closingAt: Millis | null;
}

export interface Obstacle {
  /** What the service waits for, for people: `db (starting)`. */
  readonly text: string;
  /** The dependency it waits for; null: something else. */
  readonly on: string | null;
  /** The obstacle will not go away by itself. */
  readonly isUnsatisfiable: boolean;
}

/** A changed service, and what its change has to cause, in order. */
export type Moved = readonly [Service, readonly Effect[]];

/** Whether there is a run: processes of the service live, or may live. */
export function isLive(state: ServiceState): boolean {
  return 'run' in state;
}

/** Whether the desired state is up: the operator's last command, else `enabled`. */
export function isWanted(service: Service): boolean {
  return !service.isRemoved && (service.desired ?? (service.spec.policy.enabled ? 'up' : 'down')) === 'up';
}

/** Failures in a row: none once the service has been ready for `stable_after`. */
export function failuresNow(service: Service, now: Millis): number {
  return isStable(service, now) ? 0 : service.failuresInARow;
}

/**
 * When a run counts as stable, which may be past; null: it is not ready. The deadline is compared with this very sum: with
 * a rounded difference it could be due again and again.
 */
export function stableAt({ spec }: Service, { readyAt }: Pick<Run, 'readyAt'>): Millis | null {
  return readyAt === null ? null : readyAt + spec.policy.stableAfter;
}

/** When a service that runs after a failure counts as stable; null: it does not run, is stable, or has not failed. */
export function unstableUntil(service: Service, now: Millis): Millis | null {
  const { state, isInTrouble } = service;
  return !isInTrouble || state.name !== 'running' || isStable(service, now) ? null : stableAt(service, state.run);
}

/** The service with its failures and attempts forgotten. */
export function forgiven(service: Service): Service {
  const recentFailures = { ...service.recentFailures, count: 0 };
  return { ...service, failuresInARow: 0, attemptsInARow: 0, recentFailures, pausesInARow: 0 };
}

/**
 * Whether the run, which may be ending at this moment, has been ready for `stable_after`. What remains of it after its
 * end (other processes, `after_stop`) may take longer than that, and does not count.
 */
export function isStable(service: Service, now: Millis): boolean {
  const { state } = service;
  const at = 'run' in state ? stableAt(service, state.run) : null;
  const until = 'next' in state && state.next.to === 'settle' ? state.next.at : now;
  return at !== null && until >= at;
}

/** Changes the state; the effect is the transition. */
export function move(service: Service, state: ServiceState, context: StepContext, reason: Reason, told: string): Moved {
  const detail = boundedDetail(told);
  const run = 'run' in state ? state.run : null;
  const before = 'run' in service.state ? service.state.run : null;
  const isInTrouble = service.isInTrouble || state.name === 'backoff' || state.name === 'failed';
  const moved: Service = { ...service, state, isInTrouble, since: context.now, lastReason: reason, lastDetail: detail };
  const transition: Effect = {
    type: 'transition',
    service: service.spec.name,
    from: service.state.name,
    to: state.name,
    generation: moved.generation,
    // For an ending transition: the PID that ended. For `starting`: null, the process does not exist yet.
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
