// The life of one service: what each event does to it in each of its states.

import type { Effect } from '../model/effects.ts';
import type { Event } from '../model/events.ts';
import type { Millis } from '../model/spec.ts';
import type { Run, Service, ServiceState, Verdict } from '../model/state.ts';
import type { Reason, Step } from '../model/states.ts';
import { stateOf, type Watched, withDeadline } from './deadline.ts';
import { answered, ask, checkHealth, checkReadiness, verdictOf } from './health.ts';
import { onBeat, scheduleCheck } from './heartbeat.ts';
import { bringDown, KILL_WAIT, killNow, start } from './lifecycle.ts';
import { answerStuck } from './pending-commands.ts';
import { judgeHook, onHookEnded, onHookOverdue, onMainEnded, onTreeExited } from './steps.ts';
import { isStable, type Moved, move, type StepContext, unreachable } from './transition.ts';
import { judge } from './verdict.ts';

/** News of a generation. The caller has made sure that it is the one that lives. */
export function onEvent(service: Service, event: GenerationEvent, around: StepContext): Moved {
  switch (event.type) {
    case 'spawned':
      return isHook(event) ? [service, []] : spawned(service, event.pid, around);
    case 'spawn_failed':
      if (isHook(event)) return onHookEnded(service, around, judgeHook(service, event), 0);
      // An error after the spawn (a signal that could not be sent, say) is not the end of anything.
      if ('run' in service.state && service.state.run.pid !== null) return [service, []];
      return onMainEnded(service, around, null, 0, {
        kind: event.kind,
        reason: 'spawn_failed',
        detail: event.message,
      });
    case 'exited': {
      const { exit, left, refusal } = event;
      if (isHook(event)) return onHookEnded(service, around, judgeHook(service, event), left);
      return onMainEnded(service, around, exit, left, judge(exit, service.spec.policy, refusal));
    }
    case 'tree_exited':
      return onTreeExited(service, around);
    case 'scan_failed':
      return unseen(service, around);
    case 'heartbeat_checked':
      return looked(service, event.changed, around);
    case 'probed':
      return probed(service, event.isGood, event.detail, around);
    case 'memory_exceeded':
      return outgrown(service, event.detail, around);
    case 'ready':
      return service.state.name === 'starting' ? becomeRunning(service, service.state.run, around) : [service, []];
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
      | 'probed'
      | 'memory_exceeded';
  }
>;

function isHook({ step = 'main' }: { readonly step?: Step }): boolean {
  return step !== 'main';
}

/** The service's deadline has come. */
export function onDeadline(service: Service, around: StepContext): Moved {
  const { state, spec } = service;
  const { now } = around;
  switch (state.name) {
    case 'stopped':
    case 'waiting':
    case 'exited':
      return [service, []];
    case 'backoff':
      return start({ ...service, restarts: service.restarts + 1 }, around, 'backoff', 'backoff delay over');
    case 'failed':
      return start({ ...service, restarts: service.restarts + 1 }, around, 'retry', 'retry_failed elapsed');
    case 'starting': {
      if (isOverdue(service, state.run, now)) return overrun(service, around);
      const { ready } = spec.policy;
      if (ready !== null && now >= state.run.startedAt + ready.timeout) {
        const { lastFailure } = state.run.check;
        const last = lastFailure === null ? '' : `; the last answer: ${lastFailure}`;
        const detail = `not ready within ${ready.timeout} ms (ready.on = "${ready.on}")${last}`;
        return fail(service, around, 'readiness_timeout', detail);
      }
      if (isHookOverdue(state.run, now)) return onHookOverdue(service, around);
      if (ready?.on === 'delay' && state.run.pid !== null && now >= state.run.startedAt + ready.delay) {
        return becomeRunning(service, state.run, around);
      }
      return attend(service, state, now);
    }
    case 'running':
      return isOverdue(service, state.run, now) ? overrun(service, around) : attend(service, state, now);
    case 'stopping':
      if (isHookOverdue(state.run, now)) return onHookOverdue(service, around);
      return killNow(service, around, 'stop_timeout', whyKilled(service, around));
    case 'killing':
      if (state.run.hookEndsAt === null) return stillThere(service, state, around);
      return onHookOverdue({ ...service, state: { ...state, deadline: now + KILL_WAIT } }, around);
    default:
      return unreachable(state);
  }
}

/** The end of a shutdown may come before that of its own stop. */
function whyKilled({ spec, nextSpec }: Service, { now, closingAt }: StepContext): string {
  if (closingAt !== null && closingAt <= now) return 'the shutdown took longer than shutdown_timeout';
  return `did not stop within ${(nextSpec ?? spec).policy.stopTimeout} ms`;
}

/** Looks at the heartbeat, asks the probe and tells of a recovery, where it is time to. */
function attend(service: Service, state: Watched, now: Millis): Moved {
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

function spawned(service: Service, pid: number, around: StepContext): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const wrote: Effect = { type: 'write_pid', service: spec.name, pid };
  const run: Run = { ...state.run, pid };
  if (state.name !== 'starting') return [{ ...service, state: { ...state, run } }, [wrote]];
  if (spec.policy.ready !== null) {
    const checked: Run = { ...run, check: checkReadiness(spec.policy, around.now) };
    return [withDeadline(service, 'starting', checked), [wrote]];
  }
  const [moved, effects] = becomeRunning(service, run, around);
  return [moved, [wrote, ...effects]];
}

function becomeRunning(service: Service, run: Run, around: StepContext): Moved {
  const { policy } = service.spec;
  const ready: Run = { ...run, readyAt: around.now, check: checkHealth(policy, around.now, around.random) };
  const state = stateOf(service, 'running', ready);
  return move(service, state, around, 'ready', 'up and ready');
}

// Health is judged only while it is starting or running: one that drains may well stop beating.

function looked(service: Service, changed: boolean, around: StepContext): Moved {
  const { state, spec } = service;
  if (state.name !== 'starting' && state.name !== 'running') return [service, []];
  const { policy } = spec;
  if (changed) {
    const run: Run = { ...state.run, beat: onBeat(policy, around.now) };
    // A before_start that touches the file does not speak for the service.
    if (state.name === 'starting' && policy.ready?.on === 'heartbeat' && run.step === 'main')
      return becomeRunning(service, run, around);
    return [withDeadline(service, state.name, run), []];
  }
  const { lostAt, at } = state.run.beat;
  if (policy.heartbeat === null || lostAt === null || around.now < lostAt) return [service, []];
  const late =
    at === null
      ? `no heartbeat within ${policy.heartbeat.grace} ms of the start (heartbeat.grace)`
      : `no heartbeat for ${Math.round(around.now - at)} ms (heartbeat.timeout is ${policy.heartbeat.timeout} ms)`;
  return fail(service, around, 'heartbeat_lost', late);
}

function probed(service: Service, isGood: boolean, detail: string, around: StepContext): Moved {
  const { state, spec } = service;
  if (state.name !== 'starting' && state.name !== 'running') return [service, []];
  const { ready, health } = spec.policy;
  const { run } = state;
  if (state.name === 'starting') {
    if (ready?.probe == null) return [service, []];
    if (isGood) return becomeRunning(service, run, around);
    const check = answered(run.check, detail, ready.interval, around.now, around.random);
    return [withDeadline(service, 'starting', { ...run, check }), []];
  }
  if (health === null) return [service, []];
  const check = answered(run.check, isGood ? null : detail, health.interval, around.now, around.random);
  const verdict = verdictOf(check, health);
  const { name } = spec;
  const judged = (isHealthy: boolean | null) =>
    withDeadline(service, 'running', { ...run, check: { ...check, isHealthy } });
  if (verdict === null) return [judged(check.isHealthy), []];
  const news: Effect = { type: 'health', service: name, isHealthy: verdict, detail };
  if (verdict) return [judged(true), check.isHealthy === null ? [] : [news]];
  if (health.onFailure === 'mark') return [judged(false), [news]];
  // Too many go down at this moment for a reason they may share: it is asked again, and goes when its turn comes.
  if (!around.mayRestartUnhealthy()) return [judged(check.isHealthy), []];
  return fail(service, around, 'unhealthy', `${check.failures} failed health probes in a row, the last: ${detail}`);
}

/** One that stops gives its memory back soon. */
function outgrown(service: Service, detail: string, around: StepContext): Moved {
  const { name } = service.state;
  return name === 'starting' || name === 'running' ? fail(service, around, 'memory_limit', detail) : [service, []];
}

/** A live generation has to go because something is wrong with it. */
function fail(service: Service, around: StepContext, reason: Reason, detail: string): Moved {
  const verdict: Verdict = { kind: 'failure', reason, detail };
  return bringDown({ ...service, lastFailure: reason }, around, { to: 'settle', verdict });
}

function isHookOverdue({ hookEndsAt }: Run, now: Millis): boolean {
  return hookEndsAt !== null && now >= hookEndsAt;
}

function isOverdue({ spec: { policy } }: Service, run: Run, now: Millis): boolean {
  return policy.timeout !== null && now >= run.startedAt + policy.timeout;
}

function overrun(service: Service, around: StepContext): Moved {
  return fail(service, around, 'run_timeout', `still running after ${service.spec.policy.timeout} ms (timeout)`);
}

/** What cannot be looked at may be gone: that it survives is said of what was seen for so long only. */
function unseen(service: Service, around: StepContext): Moved {
  const { state } = service;
  if (state.name !== 'killing') return [service, []];
  return [{ ...service, state: { ...state, deadline: around.now + KILL_WAIT } }, []];
}

function stillThere(service: Service, state: Extract<ServiceState, { name: 'killing' }>, around: StepContext): Moved {
  const { name } = service.spec;
  const again: Service = { ...service, state: { ...state, deadline: around.now + KILL_WAIT, isStuck: true } };
  const { generation, step } = state.run;
  const kill: Effect = { type: 'kill', service: name, generation, step };
  const who = state.run.pid === null ? 'a process of its tree' : `pid ${state.run.pid}`;
  const message = `${who} survives SIGKILL for ${KILL_WAIT} ms (uninterruptible sleep?); ${name} is not started beside it`;
  const [free, answers] = answerStuck(again, message);
  const alert: Effect[] = state.isStuck ? [] : [{ type: 'alert', service: name, reason: 'unkillable', message }];
  return [{ ...free, lastReason: 'unkillable', lastDetail: message }, [kill, ...alert, ...answers]];
}
