// How things are before anything has happened.

import type { Millis, ServiceSpec } from './spec.ts';
import type { Service, State } from './state.ts';

/** A world without services; the first `configured` brings them. */
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

/** `generation`: the highest that may not be used again. */
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
    attemptsInARow: 0,
    lastExit: null,
    lastFailure: null,
    isInTrouble: false,
    lastReason: 'boot',
    lastDetail: spec.policy.enabled ? 'not started yet' : 'not enabled (enabled = false)',
    orders: [],
  };
}
