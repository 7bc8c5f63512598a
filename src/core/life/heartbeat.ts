// When a heartbeat is looked for, and when it counts as lost.

import type { Millis, Policy } from '../model/spec.ts';
import type { Beat } from '../model/state.ts';

/** A beat is noticed within a quarter of the timeout, and within 5 s: one stat a look is cheap, a surprise is not. */
const LONGEST_LOOK: Millis = 5_000;
/** While a service that is ready at its first beat is starting, somebody waits for it. */
const AWAITED_LOOK: Millis = 50;
const SHORTEST_LOOK: Millis = 10;
/** Looks are due at multiples of this share of the pace: those of many services then come together, in one go. */
const GRID = 1 / 20;

/** The beats of a generation that is watched from now on; the first one may take `grace`. */
export function noBeatYet(policy: Policy, now: Millis): Beat {
  if (policy.heartbeat === null) return { at: null, lostAt: null, lookAt: null };
  return scheduleCheck({ at: null, lostAt: now + policy.heartbeat.grace, lookAt: null }, policy, now);
}

/** After a change of the file was seen. */
export function onBeat(policy: Policy, now: Millis): Beat {
  if (policy.heartbeat === null) return { at: now, lostAt: null, lookAt: null };
  return scheduleCheck({ at: now, lostAt: now + policy.heartbeat.timeout, lookAt: null }, policy, now);
}

/** The same beats, with the time of the next look. */
export function scheduleCheck(beat: Beat, policy: Policy, now: Millis): Beat {
  if (policy.heartbeat === null || beat.lostAt === null) return { ...beat, lookAt: null };
  const isAwaited = beat.at === null && policy.ready?.on === 'heartbeat';
  const pace = isAwaited ? AWAITED_LOOK : Math.min(policy.heartbeat.timeout / 4, LONGEST_LOOK);
  const grid = pace * GRID;
  const next = Math.floor((now + pace) / grid) * grid;
  return { ...beat, lookAt: Math.max(now + SHORTEST_LOOK, Math.min(next, beat.lostAt)) };
}
