// The end of a generation, and what becomes of its service: backoff, failed, exited, stopped, or another start.

import type { AlertReason } from '../model/effects.ts';
import type { Millis } from '../model/spec.ts';
import type { Next, Service, Verdict } from '../model/state.ts';
import type { Reason } from '../model/states.ts';
import { delayBefore } from './backoff.ts';
import { rest, start } from './lifecycle.ts';
import { forgiven, isStable, isWanted, type Moved, move, type StepContext, unreachable } from './transition.ts';

/** A host without room is not asked again sooner, whatever the service's backoff says. */
const TRANSIENT_WAIT: Millis = 100;

/** The tree is empty: what was to follow follows. */
export function endRun(service: Service, around: StepContext, next: Next): Moved {
  if (around.closingAt !== null) return rest(service, around, 'shutdown', 'stopped for the shutdown');
  switch (next.to) {
    case 'stopped':
      return rest(service, around, next.reason, next.detail);
    case 'start':
      return start(service, around, next.reason, next.detail);
    case 'settle':
      return concludeRun(service, around, next.verdict);
    default:
      return unreachable(next);
  }
}

/** Decides what becomes of a service whose generation ended by itself. */
export function concludeRun(service: Service, around: StepContext, verdict: Verdict): Moved {
  if (around.closingAt !== null || !isWanted(service)) return rest(service, around, verdict.reason, verdict.detail);
  if (service.nextSpec !== null) {
    return start(forgiven({ ...service, isQueued: false }), around, 'configuration', 'its configuration changed');
  }
  const stable = isStable(service, around.now);
  const { policy } = service.spec;
  const attemptsInARow = (stable ? 0 : service.attemptsInARow) + 1;
  const before = stable ? 0 : service.failuresInARow;
  switch (verdict.kind) {
    case 'success': {
      const calm = { ...service, failuresInARow: 0, lastFailure: null };
      if (policy.restart !== 'always') return leave({ ...calm, attemptsInARow: 0 }, around, verdict);
      return backOff({ ...calm, attemptsInARow }, around, verdict);
    }
    case 'transient':
      return backOff({ ...service, attemptsInARow, failuresInARow: before }, around, verdict);
    case 'permanent':
      return giveUp({ ...service, failuresInARow: before + 1, attemptsInARow }, around, verdict, null, 'permanent');
    case 'failure': {
      const counted = { ...service, lastFailure: verdict.reason, failuresInARow: before + 1, attemptsInARow };
      if (policy.restart === 'never') return leaveFailed(counted, around, verdict);
      if (counted.failuresInARow <= policy.maxFailures) return backOff(counted, around, verdict);
      const retryAt = policy.retryFailed === 0 ? null : around.now + policy.retryFailed;
      return giveUp(counted, around, verdict, retryAt, 'too_many_failures');
    }
    default:
      return unreachable(verdict);
  }
}

/** It has come to rest at this moment, and does not stay there: its delay is none, or a run of it is queued. */
export function isPassing({ state, isQueued }: Service, now: Millis): boolean {
  if (state.name === 'backoff' && state.deadline <= now) return true;
  return isQueued && (state.name === 'backoff' || state.name === 'failed' || state.name === 'exited');
}

/** Goes on with what is passing: what came of the generation that has ended is told and answered by now. */
export function passOn(service: Service, around: StepContext): Moved {
  const free: Service = { ...service, isQueued: false };
  if (service.state.name !== 'backoff' || service.state.deadline > around.now)
    return start(free, around, 'schedule', 'its schedule was due while it ran');
  return start({ ...free, restarts: free.restarts + 1 }, around, 'backoff', 'no delay');
}

function backOff(service: Service, around: StepContext, verdict: Verdict): Moved {
  const asked = delayBefore(service.attemptsInARow, service.spec.policy.backoff, around.random);
  const delay = verdict.kind === 'transient' ? Math.max(asked, TRANSIENT_WAIT) : asked;
  const deadline = around.now + delay;
  return move(service, { name: 'backoff', deadline }, around, verdict.reason, verdict.detail);
}

function giveUp(
  service: Service,
  around: StepContext,
  verdict: Verdict,
  deadline: Millis | null,
  alert: AlertReason,
): Moved {
  const text =
    alert === 'permanent'
      ? `${verdict.detail}; not retried until it is started or its configuration changes`
      : inARow(service, verdict);
  const reason: Reason = alert === 'permanent' ? verdict.reason : 'too_many_failures';
  const [moved, said] = move(service, { name: 'failed', deadline }, around, reason, text);
  return [moved, [...said, { type: 'alert', service: service.spec.name, reason: alert, message: text }]];
}

/** The policy says to leave it as it ended. */
function leave(service: Service, around: StepContext, verdict: Verdict): Moved {
  return move(service, { name: 'exited', deadline: null }, around, verdict.reason, verdict.detail);
}

/** A job fails from time to time; one that fails time after time is for a person. */
function leaveFailed(service: Service, around: StepContext, verdict: Verdict): Moved {
  const [left, effects] = leave(service, around, verdict);
  const { failuresInARow, spec } = service;
  if (failuresInARow <= spec.policy.maxFailures) return [left, effects];
  const message = inARow(service, verdict);
  return [left, [...effects, { type: 'alert', service: spec.name, reason: 'too_many_failures', message }]];
}

function inARow({ failuresInARow }: Service, { detail }: Verdict): string {
  return failuresInARow === 1 ? detail : `${failuresInARow} failures in a row, the last: ${detail}`;
}
