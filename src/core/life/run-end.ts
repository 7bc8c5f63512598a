// The end of a run, and what follows: backoff, failed, exited, stopped, or another start.

import type { AlertReason } from '../model/effects.ts';
import type { Millis } from '../model/spec.ts';
import type { Next, Service, Verdict } from '../model/state.ts';
import type { Reason } from '../model/states.ts';
import { delayBefore } from './backoff.ts';
import { moveToStopped, start } from './lifecycle.ts';
import { forgiven, isStable, isWanted, type Moved, move, type StepContext, unreachable } from './transition.ts';

/** Shortest wait after a transient spawn failure (EAGAIN, ENOMEM), whatever the backoff says. */
const TRANSIENT_WAIT: Millis = 100;

/** The process tree of a stopping service is empty: does what was to follow. */
export function endRun(service: Service, context: StepContext, next: Next): Moved {
  if (context.closingAt !== null) return moveToStopped(service, context, 'shutdown', 'stopped for the shutdown');
  switch (next.to) {
    case 'stopped':
      return moveToStopped(service, context, next.reason, next.detail);
    case 'start':
      return start(service, context, next.reason, next.detail);
    case 'settle':
      return concludeRun(service, context, next.verdict);
    default:
      return unreachable(next);
  }
}

/** Decides what becomes of a service whose run ended by itself or failed. */
export function concludeRun(service: Service, context: StepContext, verdict: Verdict): Moved {
  if (context.closingAt !== null || !isWanted(service))
    return moveToStopped(service, context, verdict.reason, verdict.detail);
  if (service.nextSpec !== null) {
    return start(forgiven({ ...service, isQueued: false }), context, 'configuration', 'its configuration changed');
  }
  const stable = isStable(service, context.now);
  const { policy } = service.spec;
  const attemptsInARow = (stable ? 0 : service.attemptsInARow) + 1;
  const before = stable ? 0 : service.failuresInARow;
  switch (verdict.kind) {
    case 'success': {
      const calm = { ...service, failuresInARow: 0, lastFailure: null };
      if (policy.restart !== 'always') return moveToExited({ ...calm, attemptsInARow: 0 }, context, verdict);
      return backOff({ ...calm, attemptsInARow }, context, verdict);
    }
    case 'transient':
      return backOff({ ...service, attemptsInARow, failuresInARow: before }, context, verdict);
    case 'permanent':
      return giveUp({ ...service, failuresInARow: before + 1, attemptsInARow }, context, verdict, null, 'permanent');
    case 'failure': {
      const counted = { ...service, lastFailure: verdict.reason, failuresInARow: before + 1, attemptsInARow };
      if (policy.restart === 'never') return moveToExitedFailed(counted, context, verdict);
      if (counted.failuresInARow <= policy.maxFailures) return backOff(counted, context, verdict);
      const retryAt = policy.retryFailed === 0 ? null : context.now + policy.retryFailed;
      return giveUp(counted, context, verdict, retryAt, 'too_many_failures');
    }
    default:
      return unreachable(verdict);
  }
}

/** Whether the state ends at once: the backoff delay is 0, or a run by the schedule is queued. */
export function mustMoveOn({ state, isQueued }: Service, now: Millis): boolean {
  if (state.name === 'backoff' && state.deadline <= now) return true;
  return isQueued && (state.name === 'backoff' || state.name === 'failed' || state.name === 'exited');
}

/** Starts the service that must move on. The transition before it is reported, and commands are answered, by now. */
export function moveOn(service: Service, context: StepContext): Moved {
  const free: Service = { ...service, isQueued: false };
  if (service.state.name !== 'backoff' || service.state.deadline > context.now)
    return start(free, context, 'schedule', 'its schedule was due while it ran');
  return start({ ...free, restarts: free.restarts + 1 }, context, 'backoff', 'no delay');
}

function backOff(service: Service, context: StepContext, verdict: Verdict): Moved {
  const asked = delayBefore(service.attemptsInARow, service.spec.policy.backoff, context.random);
  const delay = verdict.kind === 'transient' ? Math.max(asked, TRANSIENT_WAIT) : asked;
  const deadline = context.now + delay;
  return move(service, { name: 'backoff', deadline }, context, verdict.reason, verdict.detail);
}

function giveUp(
  service: Service,
  context: StepContext,
  verdict: Verdict,
  deadline: Millis | null,
  alert: AlertReason,
): Moved {
  const text =
    alert === 'permanent'
      ? `${verdict.detail}; not retried until it is started or its configuration changes`
      : describeFailures(service, verdict);
  const reason: Reason = alert === 'permanent' ? verdict.reason : 'too_many_failures';
  const [moved, said] = move(service, { name: 'failed', deadline }, context, reason, text);
  return [moved, [...said, { type: 'alert', service: service.spec.name, reason: alert, message: text }]];
}

/** The restart policy says not to start it again. */
function moveToExited(service: Service, context: StepContext, verdict: Verdict): Moved {
  return move(service, { name: 'exited', deadline: null }, context, verdict.reason, verdict.detail);
}

/** A failed run with restart = "never"; more than `max_failures` in a row raise an alert. */
function moveToExitedFailed(service: Service, context: StepContext, verdict: Verdict): Moved {
  const [left, effects] = moveToExited(service, context, verdict);
  const { failuresInARow, spec } = service;
  if (failuresInARow <= spec.policy.maxFailures) return [left, effects];
  const message = describeFailures(service, verdict);
  return [left, [...effects, { type: 'alert', service: spec.name, reason: 'too_many_failures', message }]];
}

function describeFailures({ failuresInARow }: Service, { detail }: Verdict): string {
  return failuresInARow === 1 ? detail : `${failuresInARow} failures in a row, the last: ${detail}`;
}
