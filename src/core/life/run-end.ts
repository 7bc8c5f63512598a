// The end of a run, and what follows: backoff, failed, exited, stopped, or another start.

import { spanText } from '../model/span-text.ts';
import type { Millis } from '../model/spec.ts';
import type { Next, Service, Verdict } from '../model/state.ts';
import { delayBefore, isLongestPause, pauseBefore } from './backoff.ts';
import { failuresText, tooManyFailures, withFailure } from './failures.ts';
import { moveToStopped, start } from './lifecycle.ts';
import { forgiven, isStable, isWanted, type Moved, move, type StepContext, unreachable } from './transition.ts';

/** Shortest wait after a transient spawn failure (EAGAIN, ENOMEM), whatever the backoff says. */
const TRANSIENT_WAIT: Millis = 100;

type Success = Extract<Verdict, { kind: 'success' }>;

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
      if (stable) return backOff({ ...calm, attemptsInARow }, context, verdict);
      return concludeFailure({ ...service, attemptsInARow }, context, endedEarly(service, context, verdict));
    }
    case 'transient':
      return backOff({ ...service, attemptsInARow, failuresInARow: before }, context, verdict);
    case 'permanent':
      return giveUp({ ...service, failuresInARow: before + 1, attemptsInARow }, context, verdict);
    case 'host':
      return awaitHost({ ...service, failuresInARow: before + 1, attemptsInARow }, context, verdict);
    case 'failure':
      return concludeFailure({ ...service, attemptsInARow }, context, verdict);
    default:
      return unreachable(verdict);
  }
}

/** The restart policy decides on a failure: backoff, a pause, or no further start. */
function concludeFailure(service: Service, context: StepContext, verdict: Verdict): Moved {
  const counted = withFailure(service, verdict, context.now);
  if (service.spec.policy.restart === 'never') return moveToExitedFailed(counted, context, verdict);
  const tooMany = tooManyFailures(counted, verdict, context.now);
  return tooMany === null ? backOff(counted, context, verdict) : pause(counted, context, tooMany);
}

/**
 * What ends so soon that it is started again and again is no service, however well it ends: it reads its input to the
 * end, goes into the background, or is a job.
 */
function endedEarly({ state, spec }: Service, { now }: StepContext, verdict: Success): Verdict {
  const { stableAfter } = spec.policy;
  const readyAt = 'run' in state ? state.run.readyAt : null;
  const endedAt = 'next' in state && state.next.to === 'settle' ? state.next.at : now;
  const lasted =
    readyAt === null
      ? 'before it was ready'
      : `after ${spanText(endedAt - readyAt)}, before stable_after (${spanText(stableAfter)})`;
  const early = `${verdict.detail} ${lasted}`;
  if (verdict.left === 0) return { kind: 'failure', reason: 'ended_early', detail: early };
  const left = verdict.left === 1 ? 'a process of it' : `${verdict.left} of its processes`;
  return { kind: 'failure', reason: 'leftovers', detail: `${early}; ${left} remained in the background` };
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

/** Too many failures: a pause, which grows up to `retry_failed`. The alert comes with the first and the longest pauses. */
function pause(service: Service, context: StepContext, message: string): Moved {
  const { policy, name } = service.spec;
  const pausesInARow = service.pausesInARow + 1;
  const reason = 'too_many_failures' as const;
  const deadline = policy.retryFailed === 0 ? null : context.now + pauseBefore(pausesInARow, policy, context.random);
  const [moved, said] = move({ ...service, pausesInARow }, { name: 'failed', deadline }, context, reason, message);
  const isTold = pausesInARow === 1 || isLongestPause(pausesInARow, policy);
  return [moved, isTold ? [...said, { type: 'alert', service: name, reason, message }] : said];
}

/** The host lacks something: `retry_failed` bounds the wait for it. */
function awaitHost(service: Service, context: StepContext, { reason, detail }: Verdict): Moved {
  const { policy, name } = service.spec;
  const message = `${detail}; started as soon as that is right`;
  const deadline = policy.retryFailed === 0 ? null : context.now + policy.retryFailed;
  const failed: Service = { ...service, lastFailure: reason };
  const [moved, said] = move(failed, { name: 'failed', deadline }, context, reason, message);
  return [moved, [...said, { type: 'alert', service: name, reason: 'host_problem', message }]];
}

/** A failure that trying again cannot cure. */
function giveUp(service: Service, context: StepContext, verdict: Verdict): Moved {
  const message = `${verdict.detail}; not retried until it is started or its configuration changes`;
  const [moved, said] = move(service, { name: 'failed', deadline: null }, context, verdict.reason, message);
  return [moved, [...said, { type: 'alert', service: service.spec.name, reason: 'permanent', message }]];
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
  const message = failuresText(service, verdict);
  return [left, [...effects, { type: 'alert', service: spec.name, reason: 'too_many_failures', message }]];
}
