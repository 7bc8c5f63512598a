// Users whose processes opsd does not read for a while, as reading one of them hung: it would be theirs to hang it again.

import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { userOf } from './owner.ts';

const FIRST: Millis = 5_000;
const LONGEST: Millis = 600_000;
/** Who hung nothing for so long begins anew. */
const FORGOTTEN: Millis = 3_600_000;
const MOST_USERS = 1_000;

interface PastHangs {
  readonly until: Millis;
  readonly pause: Millis;
  readonly clock: Pick<Clock, 'now'>;
}

const past = new Map<number, PastHangs>();

/** A process of that user hung opsd. Each time counts for longer. Root, as whom anybody may stand for a moment, is read always. */
export function withhold(uid: number, clock: Pick<Clock, 'now'>): void {
  if (uid === 0 || (past.size >= MOST_USERS && !past.has(uid))) return;
  const now = clock.now();
  const before = past.get(uid);
  if (before !== undefined && before.until > now) return;
  const isNew = before === undefined || now - before.until > FORGOTTEN;
  const pause = isNew ? FIRST : Math.min(before.pause * 2, LONGEST);
  past.set(uid, { until: now + pause, pause, clock });
}

/** Whether the processes of this user are not to be read now. */
export function isWithheldUser(uid: number): boolean {
  const found = past.get(uid);
  return found !== undefined && found.until > found.clock.now();
}

/** Costs nothing on a host where nobody ever hung opsd. */
export function isWithheld(pid: number): boolean {
  if (past.size === 0) return false;
  const uid = userOf(pid);
  return uid !== null && isWithheldUser(uid);
}
