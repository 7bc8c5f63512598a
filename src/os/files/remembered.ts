// What one opsd tells the next about its services, and how it is told from garbage.

import type { SavedService } from '../../core/adoption/saved-service.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Exit } from '../../core/model/state.ts';
import { REASONS, STATES } from '../../core/model/states.ts';

export interface SavedServiceRecord extends SavedService {
  /** Clock ticks since boot; null with `pid`. */
  readonly startTime: number | null;
  /** The user that the generation runs as; null: nothing of it lives. */
  readonly uid: number | null;
}

const isOneOf = <Word extends string>(words: readonly Word[], value: unknown): value is Word =>
  words.some((word) => word === value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isCountOrNull = (value: unknown): value is number | null => value === null || isCount(value);
/** Far from any instant of this boot, and still a Date on the wall clock. */
const LATEST: Millis = 4e15;
const isInstantOrNull = (value: unknown): value is Millis | null =>
  value === null || (typeof value === 'number' && Math.abs(value) <= LATEST);
/** A marker has room for 15 digits: this leaves enough above it for all generations to come. */
const isGeneration = (value: unknown): value is number => isCount(value) && value <= 1e14;
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isExitOrNull(value: unknown): value is Exit | null {
  if (value === null) return true;
  if (!isObject(value) || !isCountOrNull(value.code) || typeof value.oom !== 'boolean') return false;
  return value.signal === null || (typeof value.signal === 'string' && value.signal.startsWith('SIG'));
}

/** Longer than any sentence of ours. */
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
    isInstantOrNull(value.startedAt) &&
    isInstantOrNull(value.readyAt) &&
    isInstantOrNull(value.deadline) &&
    (value.isInTrouble === undefined || typeof value.isInTrouble === 'boolean') &&
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

/** What is still true after a reboot: how often, and how it last ended. No process, no instant, no wish of then is. */
export function afterReboot({ isInTrouble: _, ...service }: SavedServiceRecord): SavedServiceRecord {
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
