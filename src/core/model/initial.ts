// The state before the first event, and a service before its first start.

import type { Millis, ServiceSpec } from './spec.ts';
import type { Service, State } from './state.ts';

/** The state without services, which the first `configured` adds. `seed`: of the jitter. */
export function initialState(seed: number): State {
  return {
    phase: { name: 'running' },
    startConcurrency: 1,
    shutdownTimeout: 0,
    exitWhen: 'never',
    seed,
    services: [],
    slots: new Map(),
    generationFloor: 0,
    queue: [],
    groups: new Map(),
    rollouts: new Map(),
  };
}

/** A stopped service. `generation`: the highest number that must not be used again; the first start takes the next. */
export function newService(spec: ServiceSpec, generation: number, now: Millis): Service {
  return {
    spec,
    nextSpec: null,
    deferred: null,
    isQueued: false,
    isRemoved: false,
    state: { name: 'stopped', deadline: null },
    since: now,
    desired: null,
    generation,
    restarts: 0,
    failuresInARow: 0,
    recentFailures: { count: 0, at: now },
    pausesInARow: 0,
    attemptsInARow: 0,
    lastExit: null,
    lastFailure: null,
    isInTrouble: false,
    isUnhealthy: false,
    lastProbeOutput: null,
    lastReason: 'boot',
    lastDetail: spec.policy.enabled ? 'not started yet' : 'not enabled (enabled = false)',
    orders: [],
  };
}
