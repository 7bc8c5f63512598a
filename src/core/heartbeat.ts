// When a heartbeat is looked for, and when it counts as lost.

import type { Beat, Run } from './model.ts';
import type { Millis, Policy } from './spec.ts';

/** A beat is noticed within a quarter of the timeout, and within 5 s: one stat a look is cheap, a surprise is not. */
const LONGEST_LOOK: Millis = 5_000;
/** While a service that is ready at its first beat is starting, somebody waits for it. */
const AWAITED_LOOK: Millis = 50;
const SHORTEST_LOOK: Millis = 10;

/** The beats of a generation that starts now; the first one may take `grace`. */
export function noBeatYet(policy: Policy, now: Millis): Beat {
  return { at: null, lostAt: policy.heartbeat === null ? null : now + policy.heartbeat.grace };
}

/** After a change of the file was seen. */
export function beaten(policy: Policy, now: Millis): Beat {
  return { at: now, lostAt: policy.heartbeat === null ? null : now + policy.heartbeat.timeout };
}

/** When to look at the file next; null: never, there is no heartbeat. */
export function nextLook(policy: Policy, run: Run, now: Millis): Millis | null {
  if (policy.heartbeat === null || run.beat.lostAt === null) return null;
  const awaited = run.readyAt === null && policy.ready?.on === 'heartbeat';
  const pace = awaited ? AWAITED_LOOK : Math.min(policy.heartbeat.timeout / 4, LONGEST_LOOK);
  return Math.max(now + SHORTEST_LOOK, Math.min(now + pace, run.beat.lostAt));
}
