// The life of one service: what each event does to it in each of its states.

import type { Effect } from '../model/effects.ts';
import type { Event } from '../model/events.ts';
import { spanText } from '../model/span-text.ts';
import type { Millis } from '../model/spec.ts';
import type { Run, Service, ServiceState, Verdict } from '../model/state.ts';
import type { Reason, Step } from '../model/states.ts';
import { afterStart, stateOf, type Watched, withDeadline } from './deadline.ts';
import { answered, ask, checkHealth, checkReadiness, verdictOf, whyNotReady } from './health.ts';
import { onBeat, scheduleCheck } from './heartbeat.ts';
import { bringDown, KILL_WAIT, killNow, start } from './lifecycle.ts';
import { answerStuck } from './pending-commands.ts';
import { judgeHook, onHookEnded, onHookOverdue, onMainEnded, onTreeExited } from './steps.ts';
import { isStable, type Moved, move, type StepContext, unreachable } from './transition.ts';
import { judge, ofFailedSpawn } from './verdict.ts';

/** Applies an event to the generation that lives; the caller has ruled out events of older ones. */
export function onEvent(service: Service, event: GenerationEvent, context: StepContext): Moved {
  switch (event.type) {
    case 'spawned':
      return isHook(event) ? [service, []] : onSpawned(service, event.pid, context);
    case 'spawn_failed':
      if (isHook(event)) return onHookEnded(service, context, judgeHook(service, event), 0);
      // An error after the spawn (a signal that could not be sent, for example) does not end the run.
      if ('run' in service.state && service.state.run.pid !== null) return [service, []];
      return onMainEnded(service, context, null, 0, ofFailedSpawn(event.kind, event.message));
    case 'exited': {
      const { exit, left, refusal } = event;
      if (isHook(event)) return onHookEnded(service, context, judgeHook(service, event), left);
      return onMainEnded(service, context, exit, left, judge(exit, service.spec.policy, refusal));
    }
    case 'tree_exited':
      return onTreeExited(service, context);
    case 'scan_failed':
      return onScanFailed(service, context);
    case 'heartbeat_checked':
      return onHeartbeatChecked(service, event.changed, context);
    case 'probed':
      return onProbed({ ...service, lastProbeOutput: event.output ?? null }, event.isGood, event.detail, context);
    case 'memory_exceeded':
      return onMemoryExceeded(service, event.detail, context);
    case 'ready':
      return service.state.name === 'starting' ? becomeRunning(service, service.state.run, context) : [service, []];
    case 'wrote':
      return onWrote(service);
    default:
      return unreachable(event);
  }
}

export type GenerationEvent = Extract<
  Event,
  {
    type:
      | 'spawned'
      | 'spawn_failed'
      | 'exited'
      | 'tree_exited'
      | 'scan_failed'
      | 'heartbeat_checked'
      | 'ready'
      | 'wrote'
      | 'probed'
      | 'memory_exceeded';
  }
>;

function isHook({ step = 'main' }: { readonly step?: Step }): boolean {
  return step !== 'main';
}

/** Acts on the deadline of the service. */
export function onDeadline(service: Service, context: StepContext): Moved {
  const { state, spec } = service;
  const { now } = context;
  switch (state.name) {
    case 'stopped':
    case 'waiting':
    case 'exited':
      return [service, []];
    case 'backoff':
      return start({ ...service, restarts: service.restarts + 1 }, context, 'backoff', 'backoff delay over');
    case 'failed':
      return start(
        { ...service, restarts: service.restarts + 1 },
        context,
        'retry',
        'the pause after too many failures is over',
      );
    case 'starting': {
      if (isOverdue(service, state.run, now)) return failOverdue(service, context);
      const { ready } = spec.policy;
      if (ready !== null && now >= afterStart(state.run, ready.timeout)) {
        return fail(service, context, 'readiness_timeout', whyNotReady(ready, state.run.check));
      }
      if (isHookOverdue(state.run, now)) return onHookOverdue(service, context);
      if (ready?.on === 'delay' && state.run.pid !== null && now >= afterStart(state.run, ready.delay)) {
        return becomeRunning(service, state.run, context);
      }
      return runDueChecks(service, state, now);
    }
    case 'running':
      return isOverdue(service, state.run, now) ? failOverdue(service, context) : runDueChecks(service, state, now);
    case 'stopping':
      if (isHookOverdue(state.run, now)) return onHookOverdue(service, context);
      return killNow(service, context, 'stop_timeout', whyKilled(service, context));
    case 'killing':
      if (state.run.hookEndsAt === null) return onKillOverdue(service, state, context);
      return onHookOverdue({ ...service, state: { ...state, deadline: now + KILL_WAIT } }, context);
    default:
      return unreachable(state);
  }
}

/** Why SIGKILL follows: the deadline of a shutdown may be earlier than that of the stop. */
function whyKilled({ spec, nextSpec }: Service, { now, closingAt }: StepContext): string {
  if (closingAt !== null && closingAt <= now) return 'the shutdown took longer than shutdown_timeout';
  return `did not stop within ${spanText((nextSpec ?? spec).policy.stopTimeout)}`;
}

/** Checks the heartbeat, sends the probe and reports a recovery, each if it is due. */
function runDueChecks(service: Service, state: Watched, now: Millis): Moved {
  const { launch, name, policy } = service.spec;
  const effects: Effect[] = [];
  let { run } = state;
  if (run.beat.lookAt !== null && run.beat.lookAt <= now) {
    run = { ...run, beat: scheduleCheck(run.beat, policy, now) };
    effects.push({ type: 'check_heartbeat', service: name, generation: run.generation, file: launch.heartbeatFile });
  }
  if (run.check.askAt !== null && run.check.askAt <= now) {
    const [asked, probe] = ask(service, run);
    run = asked;
    effects.push(...probe);
  }
  const hasRecovered = service.isInTrouble && state.name === 'running' && isStable(service, now);
  if (hasRecovered) effects.push({ type: 'recovered', service: name, generation: run.generation });
  return [withDeadline(hasRecovered ? { ...service, isInTrouble: false } : service, state.name, run), effects];
}

function onSpawned(service: Service, pid: number, context: StepContext): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const wrote: Effect = { type: 'write_pid', service: spec.name, pid };
  const run: Run = { ...state.run, pid };
  if (state.name !== 'starting') return [{ ...service, state: { ...state, run } }, [wrote]];
  if (spec.policy.ready !== null) {
    const { hasWritten } = run.check;
    const checked: Run = { ...run, check: { ...checkReadiness(spec.policy, context.now), hasWritten } };
    return [withDeadline(service, 'starting', checked), [wrote]];
  }
  const [moved, effects] = becomeRunning(service, run, context);
  return [moved, [wrote, ...effects]];
}

function becomeRunning(service: Service, run: Run, context: StepContext): Moved {
  const { policy } = service.spec;
  const ready: Run = { ...run, readyAt: context.now, check: checkHealth(policy, context.now, context.random) };
  const state = stateOf(service, 'running', ready);
  return move(service, state, context, 'ready', 'up and ready');
}

// Heartbeats and probes count only while the service is starting or running: one that drains may stop to answer.

function onHeartbeatChecked(service: Service, changed: boolean, context: StepContext): Moved {
  const { state, spec } = service;
  if (state.name !== 'starting' && state.name !== 'running') return [service, []];
  const { policy } = spec;
  if (changed) {
    const run: Run = { ...state.run, beat: onBeat(policy, context.now) };
    // A before_start that touches the file does not make the service ready.
    if (state.name === 'starting' && policy.ready?.on === 'heartbeat' && run.step === 'main')
      return becomeRunning(service, run, context);
    return [withDeadline(service, state.name, run), []];
  }
  const { lostAt, at } = state.run.beat;
  if (policy.heartbeat === null || lostAt === null || context.now < lostAt) return [service, []];
  const late =
    at === null
      ? `no heartbeat within ${spanText(policy.heartbeat.grace)} of the start (heartbeat.grace)`
      : `no heartbeat for ${spanText(context.now - at)} (heartbeat.timeout is ${spanText(policy.heartbeat.timeout)})`;
  return fail(service, context, 'heartbeat_lost', late);
}

function onProbed(service: Service, isGood: boolean, detail: string, context: StepContext): Moved {
  const { state, spec } = service;
  if (state.name !== 'starting' && state.name !== 'running') return [service, []];
  const { ready, health } = spec.policy;
  const { run } = state;
  if (state.name === 'starting') {
    if (ready?.probe == null) return [service, []];
    if (isGood) return becomeRunning(service, run, context);
    const check = answered(run.check, detail, ready.interval, context.now, context.random);
    return [withDeadline(service, 'starting', { ...run, check }), []];
  }
  if (health === null) return [service, []];
  const check = answered(run.check, isGood ? null : detail, health.interval, context.now, context.random);
  const verdict = verdictOf(check, health);
  const { name } = spec;
  const judged = (isHealthy: boolean | null) =>
    withDeadline(service, 'running', { ...run, check: { ...check, isHealthy } });
  if (verdict === null) return [judged(check.isHealthy), []];
  const news: Effect = { type: 'health', service: name, isHealthy: verdict, detail };
  if (verdict) return [{ ...judged(true), isUnhealthy: false }, service.isUnhealthy ? [news] : []];
  const told = service.isUnhealthy ? [] : [news];
  if (health.onFailure === 'mark') return [{ ...judged(false), isUnhealthy: true }, told];
  // Too many services are being restarted for their health, perhaps by a common cause: probe again, restart later.
  if (!context.mayRestartUnhealthy()) return [judged(check.isHealthy), []];
  const why = `${check.failures} failed health probes in a row, the last: ${detail}`;
  const [failed, effects] = fail({ ...service, isUnhealthy: true }, context, 'unhealthy', why);
  return [failed, [...told, ...effects]];
}

function onWrote(service: Service): Moved {
  const { state } = service;
  if (state.name !== 'starting') return [service, []];
  return [withDeadline(service, 'starting', { ...state.run, check: { ...state.run.check, hasWritten: true } }), []];
}

/** A service that is stopping already will free its memory soon. */
function onMemoryExceeded(service: Service, detail: string, context: StepContext): Moved {
  const { name } = service.state;
  return name === 'starting' || name === 'running' ? fail(service, context, 'memory_limit', detail) : [service, []];
}

/** Stops a run because of a failure; the restart policy decides what follows. */
function fail(service: Service, context: StepContext, reason: Reason, detail: string): Moved {
  const verdict: Verdict = { kind: 'failure', reason, detail };
  return bringDown({ ...service, lastFailure: reason }, context, { to: 'settle', verdict, at: context.now });
}

function isHookOverdue({ hookEndsAt }: Run, now: Millis): boolean {
  return hookEndsAt !== null && now >= hookEndsAt;
}

function isOverdue({ spec: { policy } }: Service, run: Run, now: Millis): boolean {
  return policy.timeout !== null && now >= afterStart(run, policy.timeout);
}

function failOverdue(service: Service, context: StepContext): Moved {
  return fail(
    service,
    context,
    'run_timeout',
    `still running after ${spanText(service.spec.policy.timeout ?? 0)} (timeout)`,
  );
}

/** /proc could not be read, so the tree may be gone: restart the 5 s after which we would report that it survives SIGKILL. */
function onScanFailed(service: Service, context: StepContext): Moved {
  const { state } = service;
  if (state.name !== 'killing') return [service, []];
  return [{ ...service, state: { ...state, deadline: context.now + KILL_WAIT } }, []];
}

function onKillOverdue(
  service: Service,
  state: Extract<ServiceState, { name: 'killing' }>,
  context: StepContext,
): Moved {
  const { name } = service.spec;
  const again: Service = { ...service, state: { ...state, deadline: context.now + KILL_WAIT, isStuck: true } };
  const { generation, step } = state.run;
  const kill: Effect = { type: 'kill', service: name, generation, step };
  const who = state.run.pid === null ? 'a process of its tree' : `pid ${state.run.pid}`;
  const message = `${who} survives SIGKILL for ${spanText(KILL_WAIT)} (uninterruptible sleep?); ${name} is not started beside it`;
  const [free, answers] = answerStuck(again, message);
  const alert: Effect[] = state.isStuck ? [] : [{ type: 'alert', service: name, reason: 'unkillable', message }];
  return [{ ...free, lastReason: 'unkillable', lastDetail: message }, [kill, ...alert, ...answers]];
}
