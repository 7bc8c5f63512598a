// What an opsd wrote down of a service that runs after failures.

import type { SavedService } from '../../src/core/adoption/saved-service.ts';
import type { Millis } from '../../src/core/model/spec.ts';
import { aService, fingerprintOf } from '../simulation/specs.ts';

/** `web`, which started `upFor` before `now` and was ready a second later. */
export function savedWeb(now: Millis, upFor: Millis): SavedService {
  return {
    name: 'web',
    generation: 7,
    state: 'running',
    pid: 42,
    wish: null,
    restarts: 5,
    failuresInARow: 2,
    attemptsInARow: 3,
    recentFailures: { count: 1.5, at: now - 70_000 },
    pausesInARow: 1,
    startedAt: now - upFor,
    readyAt: now - upFor + 1_000,
    deadline: null,
    lastExit: { code: 3, signal: null, oom: false },
    lastReason: 'exit_code',
    lastDetail: 'exit code 3',
    isInTrouble: false,
    fingerprint: fingerprintOf(aService('web')),
  };
}
