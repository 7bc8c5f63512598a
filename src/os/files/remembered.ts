// The record of a service in the state file, and the check that a record is valid.

import type { SavedService } from '../../core/adoption/saved-service.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Exit, RecentFailures } from '../../core/model/state.ts';
import { REASONS, STATES } from '../../core/model/states.ts';

export interface SavedServiceRecord extends SavedService {
  /** Start time of `pid` in clock ticks since boot; null: `pid` is null. */
  readonly startTime: number | null;
  /** The user id that the generation runs as; null: none of its processes lives. */
  readonly uid: number | null;
}

const isOneOf = <Word extends string>(words: readonly Word[], value: unknown): value is Word =>
  words.some((word) => word === value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isCountOrNull = (value: unknown): value is number | null => value === null || isCount(value);
/** Later than any time of this boot, and still within the range of Date. */
const LATEST: Millis = 4e15;
const isInstantOrNull = (value: unknown): value is Millis | null =>
  value === null || (typeof value === 'number' && Math.abs(value) <= LATEST);
/** A marker has room for 15 digits: this limit leaves enough numbers for all later generations. */
const isGeneration = (value: unknown): value is number => isCount(value) && value <= 1e14;
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isExitOrNull(value: unknown): value is Exit | null {
  if (value === null) return true;
  if (!isObject(value) || !isCountOrNull(value.code) || typeof value.oom !== 'boolean') return false;
  return value.signal === null || (typeof value.signal === 'string' && value.signal.startsWith('SIG'));
}

/** Above every max_failures. */
const MOST_FAILURES = 1e9;

function areRecentFailures(value: unknown): value is RecentFailures {
  if (!isObject(value) || typeof value.count !== 'number' || typeof value.at !== 'number') return false;
  return value.count >= 0 && value.count <= MOST_FAILURES && Math.abs(value.at) <= LATEST;
}

/** Characters; longer than any message of opsd. */
const LONGEST_DETAIL = 65_536;
const LONGEST_FINGERPRINT = 128;

export function isSavedServiceRecord(value: unknown): value is SavedServiceRecord {
  return (
    isObject(value) &&
    typeof value.name === 'string' &&
    /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}$/.test(value.name) &&
    isGeneration(value.generation) &&
    (value.pid === null || (isCount(value.pid) && value.pid > 1)) &&
    isCountOrNull(value.startTime) &&
    isCountOrNull(value.uid) &&
    isOneOf(STATES, value.state) &&
    (value.wish === null || value.wish === 'up' || value.wish === 'down') &&
    isCount(value.restarts) &&
    isCount(value.failuresInARow) &&
    isCount(value.attemptsInARow) &&
    (value.recentFailures === undefined || areRecentFailures(value.recentFailures)) &&
    (value.pausesInARow === undefined || isCount(value.pausesInARow)) &&
    isInstantOrNull(value.startedAt) &&
    isInstantOrNull(value.readyAt) &&
    isInstantOrNull(value.deadline) &&
    (value.isInTrouble === undefined || typeof value.isInTrouble === 'boolean') &&
    (value.isUnhealthy === undefined || value.isUnhealthy === true) &&
    isExitOrNull(value.lastExit) &&
    isOneOf(REASONS, value.lastReason) &&
    typeof value.lastDetail === 'string' &&
    value.lastDetail.length <= LONGEST_DETAIL &&
    typeof value.fingerprint === 'string' &&
    value.fingerprint.length <= LONGEST_FINGERPRINT &&
    (value.rejected === undefined ||
      (typeof value.rejected === 'string' && value.rejected.length <= LONGEST_FINGERPRINT))
  );
}

/**
 * The part of a record that is true after a reboot: counters and the last exit. Processes, times and the desired state
 * are dropped.
 */
export function afterReboot({
  isInTrouble: _,
  isUnhealthy: _u,
  recentFailures: _r,
  pausesInARow: _p,
  ...service
}: SavedServiceRecord): SavedServiceRecord {
  return {
    ...service,
    pid: null,
    startTime: null,
    uid: null,
    state: 'stopped',
    wish: null,
    failuresInARow: 0,
    attemptsInARow: 0,
    startedAt: null,
    readyAt: null,
    deadline: null,
  };
}
