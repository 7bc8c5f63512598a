// What the process scan keeps of a process from one scan to the next.

import type { Millis } from '../../core/model/spec.ts';
import type { ProcessStat } from './identity.ts';
import type { Marker } from './marker.ts';

/** A living process that is not the main process of a service. */
export interface Process extends ProcessStat {
  /** A marker of this run directory; null: the process carries none. */
  readonly marker: Marker | null;
  /** The real user id of a process with a marker; null: the process has none, and its user does not matter. */
  readonly uid: number | null;
  /** 0: nobody asked for it, as the process is of a user who has nothing to do with a service. */
  readonly startTime: number;
}

/**
 * `ours`: the process carries our marker or is in a session of a service. `unclear`: it is in the middle of an exec, or
 * has just ended and may have left children that this scan did not list.
 */
type Standing = 'ours' | 'foreign' | 'unclear' | 'ended';

/** What the table keeps of a process between two scans: an environment changes only by exec. */
export interface KnownProcess {
  readonly startTime: number;
  readonly marker: Marker | null;
  readonly standing: Standing;
  /** The process at the last scan; null: a kernel thread, or a process that ended. */
  readonly process: Process | null;
  /** Until then the process is not read again. */
  readonly freshUntil: Millis;
  /** Since when the environment is found empty; null: it is not. */
  readonly emptySince: Millis | null;
  /**
   * The user id of a process whose environment was not read, as no service that was looked for runs as that user. null:
   * it was read.
   */
  readonly unreadOf: number | null;
  /** The real user id; null: the kernel tells it only of all at once. */
  readonly user: number | null;
  seenIn: number;
}

export function isOfInterest({ standing }: KnownProcess): boolean {
  return standing === 'ours' || standing === 'unclear';
}

export function withUser(met: KnownProcess | 'exhausted', user: number | null): KnownProcess | 'exhausted' {
  return met === 'exhausted' ? met : { ...met, user };
}

export function knownProcess(
  { startTime }: ProcessStat,
  known: Partial<KnownProcess> & Pick<KnownProcess, 'standing'>,
): KnownProcess {
  return {
    startTime,
    marker: null,
    process: null,
    freshUntil: 0,
    emptySince: null,
    unreadOf: null,
    user: null,
    seenIn: 0,
    ...known,
  };
}
