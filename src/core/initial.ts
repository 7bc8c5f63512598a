// How things are before anything has happened.

import type { Service, State } from './model.ts';
import type { Millis, ServiceSpec } from './spec.ts';

/** A world without services; the first `configured` brings them. */
export function initialState(seed: number): State {
  return {
    phase: { name: 'running' },
    startConcurrency: 1,
    shutdownTimeout: 0,
    seed,
    services: [],
    slots: new Map(),
    queue: [],
  };
}

export function newService(spec: ServiceSpec, now: Millis): Service {
  return {
    spec,
    nextSpec: null,
    removed: false,
    state: { name: 'stopped', deadline: null },
    since: now,
    wish: null,
    generation: 0,
    restarts: 0,
    failuresInARow: 0,
    attemptsInARow: 0,
    lastExit: null,
    lastReason: 'boot',
    lastDetail: 'not started yet',
    orders: [],
  };
}
