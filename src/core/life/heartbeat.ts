// When a heartbeat file is checked, and when the heartbeat counts as lost.

import type { Millis, Policy } from '../model/spec.ts';
import type { Beat } from '../model/state.ts';

/** The file is checked every quarter of the timeout, and at least every 5 s. */
const LONGEST_LOOK: Millis = 5_000;
/** Interval while a service with ready.on = "heartbeat" starts: dependents wait for its first heartbeat. */
const AWAITED_LOOK: Millis = 50;
const SHORTEST_LOOK: Millis = 10;
/** Checks are due at multiples of this share of the interval, so that many services share one wakeup. */
const GRID = 1 / 20;

/** The heartbeat of a generation that is watched from now on; the first one may take `grace`. */
export function noBeatYet(policy: Policy, now: Millis): Beat {
  if (policy.heartbeat === null) return { at: null, lostAt: null, lookAt: null };
  return scheduleCheck({ at: null, lostAt: now + policy.heartbeat.grace, lookAt: null }, policy, now);
}

/** The heartbeat after a change of the file was seen. */
export function onBeat(policy: Policy, now: Millis): Beat {
  if (policy.heartbeat === null) return { at: now, lostAt: null, lookAt: null };
  return scheduleCheck({ at: now, lostAt: now + policy.heartbeat.timeout, lookAt: null }, policy, now);
}

/** The same heartbeat, with the time of the next check. */
export function scheduleCheck(beat: Beat, policy: Policy, now: Millis): Beat {
  if (policy.heartbeat === null || beat.lostAt === null) return { ...beat, lookAt: null };
  const isAwaited = beat.at === null && policy.ready?.on === 'heartbeat';
  const pace = isAwaited ? AWAITED_LOOK : Math.min(policy.heartbeat.timeout / 4, LONGEST_LOOK);
  const grid = pace * GRID;
  const next = Math.floor((now + pace) / grid) * grid;
  // Past that time nobody could answer: the next check comes at the usual pace.
  const due = beat.lostAt > now ? Math.min(next, beat.lostAt) : next;
  return { ...beat, lookAt: Math.max(now + SHORTEST_LOOK, due) };
}
