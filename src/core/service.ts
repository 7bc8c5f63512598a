// The life of one service: what each event does to it in each of its states.

import { delayBefore } from './backoff.ts';
import { beaten, nextLook, noBeatYet } from './heartbeat.ts';
import type { AlertReason, Effect, Event, Exit, Next, Reason, Run, Service, ServiceState, Verdict } from './model.ts';
import { answerAtRest, answerReady, answerStuck } from './orders.ts';
import type { Millis, Policy, SignalName } from './spec.ts';
import { describeExit, judge } from './verdict.ts';

/** How long SIGKILL may take before we say that it does not work, and how often it is said to try again. */
export const KILL_WAIT: Millis = 5_000;

/** A host without room is not asked again sooner, whatever the service's backoff says. */
const TRANSIENT_WAIT: Millis = 100;

/** What a service has to know of the world around it at the moment of a step. */
export interface Around {
  readonly now: Millis;
  /** In [0, 1). */
  readonly random: number;
  /** Why this service may not start at this moment; null: it may. */
  obstacle(service: Service): Obstacle | null;
  /** Shutting down: nothing starts any more, and a stop may not take longer than until then. */
  readonly closingAt: Millis | null;
}

export interface Obstacle {
  /** What it waits for. */
  readonly text: string;
  /** It will not go away by itself. */
  readonly hopeless: boolean;
}

export type Moved = readonly [Service, readonly Effect[]];

/** Is there, or may there be, a process of it? */
export function isLive(state: ServiceState): boolean {
  return 'run' in state;
}

/** Should it be up: the operator's word before the file's. */
export function isWanted(service: Service): boolean {
  return !service.removed && (service.wish ?? (service.spec.policy.enabled ? 'up' : 'down')) === 'up';
}

/** Failures in a row as they count now: staying up for `stable_after` forgets them. */
export function failuresNow(service: Service, now: Millis): number {
  return isStable(service, now) ? 0 : service.failuresInARow;
}

/** Brings a service that is at rest up, or lets it wait for what it needs. */
export function start(service: Service, around: Around, reason: Reason, detail: string): Moved {
  const fresh = service.nextSpec === null ? service : { ...service, spec: service.nextSpec, nextSpec: null };
  const settings: Effect[] =
    fresh === service ? [] : [{ type: 'settings', service: service.spec.name, spec: fresh.spec }];
  const obstacle = around.obstacle(fresh);
  if (obstacle !== null) {
    const waiting: ServiceState = { name: 'waiting', deadline: null, for: obstacle.text };
    const told = `waits for ${obstacle.text}`;
    const [waiter, said]: Moved =
      fresh.state.name === 'waiting'
        ? [{ ...fresh, state: waiting, lastDetail: told }, []]
        : move(fresh, waiting, around, reason, told);
    if (!obstacle.hopeless) return [waiter, [...settings, ...said]];
    const [free, answers] = answerAtRest(waiter, { ok: false, detail: `it waits for ${obstacle.text}` });
    return [free, [...settings, ...said, ...answers]];
  }
  const generation = fresh.generation + 1;
  const run: Run = {
    generation,
    pid: null,
    startedAt: around.now,
    readyAt: null,
    adopted: false,
    beat: noBeatYet(fresh.spec.policy, around.now),
  };
  const [next, said] = move({ ...fresh, generation }, starting(fresh, run, around.now), around, reason, detail);
  return [next, [...settings, ...said, { type: 'spawn', service: fresh.spec.name, generation, spec: fresh.spec }]];
}

/** Takes a service down; `next` follows when its tree is empty. Safe in every state. */
export function bringDown(service: Service, around: Around, next: Next): Moved {
  const { reason, detail } = next.to === 'settle' ? next.verdict : next;
  switch (service.state.name) {
    case 'starting':
    case 'running': {
      const { policy, name } = service.spec;
      const { run } = service.state;
      const deadline = Math.min(around.now + policy.stopTimeout, around.closingAt ?? Number.POSITIVE_INFINITY);
      const state: ServiceState = { name: 'stopping', deadline, run, next };
      const [moved, said] = move(service, state, around, reason, detail);
      return [moved, [...said, signalMain(name, run.generation, policy.stopSignal)]];
    }
    case 'stopping':
    case 'killing':
      return [{ ...service, state: { ...service.state, next } }, []];
    case 'waiting':
    case 'backoff':
    case 'failed':
    case 'exited':
    case 'stopped':
      return next.to === 'start' ? start(service, around, reason, detail) : rest(service, around, reason, detail);
    default:
      return unreachable(service.state);
  }
}

/** SIGKILL at once to all that is left of a service. */
export function killNow(service: Service, around: Around, reason: Reason, detail: string): Moved {
  const { state } = service;
  if (state.name !== 'starting' && state.name !== 'running' && state.name !== 'stopping') return [service, []];
  const next: Next = state.name === 'stopping' ? state.next : { to: 'stopped', reason, detail };
  const deadline = around.now + KILL_WAIT;
  const killing: ServiceState = { name: 'killing', deadline, run: state.run, next, stuck: false };
  const [moved, said] = move(service, killing, around, reason, detail);
  return [moved, [...said, { type: 'kill', service: service.spec.name, generation: state.run.generation }]];
}

/** News of a generation. The caller has made sure that it is the one that lives. */
export function hear(service: Service, event: GenerationEvent, around: Around): Moved {
  switch (event.type) {
    case 'spawned':
      return spawned(service, event.pid, around);
    case 'spawn_failed':
      // An error after the spawn (a signal that could not be sent, say) is not the end of anything.
      if ('run' in service.state && service.state.run.pid !== null) return [service, []];
      return ended(service, around, null, 0, {
        kind: event.kind,
        reason: 'spawn_failed',
        detail: event.message,
      });
    case 'exited':
      return ended(service, around, event.exit, event.left, judge(event.exit, service.spec.policy));
    case 'emptied':
      return emptied(service, around);
    case 'looked':
      return looked(service, event.changed, around);
    case 'ready':
      return service.state.name === 'starting' ? becomeRunning(service, service.state.run, around) : [service, []];
    default:
      return unreachable(event);
  }
}

export type GenerationEvent = Extract<
  Event,
  { type: 'spawned' | 'spawn_failed' | 'exited' | 'emptied' | 'looked' | 'ready' }
>;

/** The service's deadline has come. */
export function due(service: Service, around: Around): Moved {
  const { state, spec } = service;
  const { now } = around;
  switch (state.name) {
    case 'stopped':
    case 'waiting':
    case 'exited':
      return [service, []];
    case 'backoff':
      return start({ ...service, restarts: service.restarts + 1 }, around, 'backoff', 'the delay is over');
    case 'failed':
      return start({ ...service, restarts: service.restarts + 1 }, around, 'retry', 'retry_failed is over');
    case 'starting': {
      const { ready } = spec.policy;
      if (ready !== null && now >= state.run.startedAt + ready.timeout) {
        const detail = `not ready within ${ready.timeout} ms (ready.on = "${ready.on}")`;
        return fail(service, around, 'readiness_timeout', detail);
      }
      if (ready?.on === 'delay' && state.run.pid !== null && now >= state.run.startedAt + ready.delay) {
        return becomeRunning(service, state.run, around);
      }
      return lookNow(service, state, around);
    }
    case 'running':
      return lookNow(service, state, around);
    case 'stopping':
      return killNow(service, around, 'stop_timeout', `did not stop within ${spec.policy.stopTimeout} ms`);
    case 'killing':
      return stillThere(service, state, around);
    default:
      return unreachable(state);
  }
}

/** Moves all instants of the future by `gap`. */
export function postpone(service: Service, gap: Millis): Service {
  const { state } = service;
  if (!('run' in state)) {
    return state.name === 'backoff' ? { ...service, state: { ...state, deadline: state.deadline + gap } } : service;
  }
  const { beat } = state.run;
  const run = { ...state.run, beat: { ...beat, lostAt: beat.lostAt === null ? null : beat.lostAt + gap } };
  if (state.name === 'starting' || state.name === 'running') {
    const startedAt = state.name === 'starting' ? run.startedAt + gap : run.startedAt;
    const deadline = state.deadline === null ? null : state.deadline + gap;
    return { ...service, state: { ...state, run: { ...run, startedAt }, deadline } };
  }
  return { ...service, state: { ...state, run, deadline: state.deadline + gap } };
}

/** Applies a changed heartbeat to a process that runs on. All else is read from the policy when it is needed. */
export function retune(service: Service, before: Policy, now: Millis): Service {
  const { state } = service;
  const { policy } = service.spec;
  if (state.name !== 'running') return service;
  if (JSON.stringify(before.heartbeat) === JSON.stringify(policy.heartbeat)) return service;
  const { at } = state.run.beat;
  const beat = at === null ? noBeatYet(policy, now) : { ...beaten(policy, now), at };
  const run = { ...state.run, beat };
  return { ...service, state: { ...state, run, deadline: nextLook(policy, run, now) } };
}

export function move(service: Service, state: ServiceState, around: Around, reason: Reason, detail: string): Moved {
  const run = 'run' in state ? state.run : null;
  const before = 'run' in service.state ? service.state.run : null;
  const moved: Service = { ...service, state, since: around.now, lastReason: reason, lastDetail: detail };
  const transition: Effect = {
    type: 'transition',
    service: service.spec.name,
    from: service.state.name,
    to: state.name,
    generation: moved.generation,
    pid: run?.pid ?? before?.pid ?? null,
    reason,
    detail,
    exit: moved.lastExit,
    failuresInARow: moved.failuresInARow,
    nextAttemptAt: state.name === 'backoff' || state.name === 'failed' ? state.deadline : null,
  };
  return [moved, [transition]];
}

export function unreachable(value: never): never {
  throw new Error(`a case that cannot be: ${JSON.stringify(value)}`);
}

function starting(service: Service, run: Run, now: Millis): ServiceState {
  const { policy } = service.spec;
  if (policy.ready === null) return { name: 'starting', deadline: null, run };
  const wakes = [run.startedAt + policy.ready.timeout, nextLook(policy, run, now) ?? Number.POSITIVE_INFINITY];
  if (policy.ready.on === 'delay' && run.pid !== null) wakes.push(run.startedAt + policy.ready.delay);
  return { name: 'starting', deadline: Math.min(...wakes), run };
}

function spawned(service: Service, pid: number, around: Around): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const wrote: Effect = { type: 'write_pid', service: spec.name, pid };
  const run: Run = { ...state.run, pid };
  if (state.name !== 'starting') return [{ ...service, state: { ...state, run } }, [wrote]];
  if (spec.policy.ready !== null) return [{ ...service, state: starting(service, run, around.now) }, [wrote]];
  const [moved, effects] = becomeRunning(service, run, around);
  return [moved, [wrote, ...effects]];
}

function becomeRunning(service: Service, run: Run, around: Around): Moved {
  const ready: Run = { ...run, readyAt: around.now };
  const deadline = nextLook(service.spec.policy, ready, around.now);
  const [moved, said] = move(service, { name: 'running', deadline, run: ready }, around, 'ready', 'up and ready');
  const [answered, answers] = answerReady(moved);
  return [answered, [...said, ...answers]];
}

function lookNow(
  service: Service,
  state: Extract<ServiceState, { name: 'starting' | 'running' }>,
  around: Around,
): Moved {
  const { heartbeat } = service.spec.policy;
  const { name, launch } = service.spec;
  const again = state.name === 'starting' ? starting(service, state.run, around.now) : null;
  const deadline = nextLook(service.spec.policy, state.run, around.now);
  const next: ServiceState = again ?? { ...state, deadline };
  if (heartbeat === null || state.run.pid === null) return [{ ...service, state: next }, []];
  const look: Effect = { type: 'look', service: name, generation: state.run.generation, file: launch.heartbeatFile };
  return [{ ...service, state: next }, [look]];
}

function looked(service: Service, changed: boolean, around: Around): Moved {
  const { state, spec } = service;
  // Health is judged only while it is starting or running: one that drains may well stop beating.
  if (state.name !== 'starting' && state.name !== 'running') return [service, []];
  const { policy } = spec;
  if (changed) {
    const run: Run = { ...state.run, beat: beaten(policy, around.now) };
    if (state.name === 'starting') {
      if (policy.ready?.on === 'heartbeat') return becomeRunning(service, run, around);
      return [{ ...service, state: starting(service, run, around.now) }, []];
    }
    return [{ ...service, state: { ...state, run, deadline: nextLook(policy, run, around.now) } }, []];
  }
  const { lostAt, at } = state.run.beat;
  if (policy.heartbeat === null || lostAt === null || around.now < lostAt) return [service, []];
  const late =
    at === null
      ? `no heartbeat within ${policy.heartbeat.grace} ms of the start (heartbeat.grace)`
      : `no heartbeat for ${Math.round(around.now - at)} ms (heartbeat.timeout is ${policy.heartbeat.timeout} ms)`;
  return fail(service, around, 'heartbeat_lost', late);
}

/** A live generation has to go because something is wrong with it. */
function fail(service: Service, around: Around, reason: Reason, detail: string): Moved {
  const verdict: Verdict = { kind: 'failure', reason, detail };
  return bringDown(service, around, { to: 'settle', verdict });
}

/** The main process is gone, or never was. */
function ended(service: Service, around: Around, exit: Exit | null, left: number, verdict: Verdict): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const gone: Effect[] = state.run.pid === null ? [] : [{ type: 'remove_pid', service: spec.name }];
  const run: Run = { ...state.run, pid: null };
  const known: Service = { ...service, lastExit: exit };
  if (left === 0) {
    const over = state.name === 'starting' || state.name === 'running' ? settle : finish;
    const [moved, effects] =
      over === settle ? settle(known, around, verdict) : finish(known, around, nextOf(state, verdict));
    return [moved, [...gone, ...effects]];
  }
  if (state.name === 'killing') return [{ ...known, state: { ...state, run } }, gone];
  const tree = signalTree(spec.name, run.generation);
  if (state.name === 'stopping') return [{ ...known, state: { ...state, run } }, [...gone, tree]];
  const deadline = Math.min(around.now + spec.policy.stopTimeout, around.closingAt ?? Number.POSITIVE_INFINITY);
  const detail = `main process ended (${exit === null ? 'unknown' : describeExit(exit)}), ${left} of its processes remain`;
  const next: Next = { to: 'settle', verdict };
  const [moved, said] = move(known, { name: 'stopping', deadline, run: state.run, next }, around, 'leftovers', detail);
  return [{ ...moved, state: { name: 'stopping', deadline, run, next } }, [...gone, ...said, tree]];
}

function nextOf(state: ServiceState, verdict: Verdict): Next {
  return state.name === 'stopping' || state.name === 'killing' ? state.next : { to: 'settle', verdict };
}

function emptied(service: Service, around: Around): Moved {
  const { state } = service;
  if (state.name !== 'stopping' && state.name !== 'killing') return [service, []];
  return finish(service, around, state.next);
}

/** The tree is empty: what was to follow follows. */
function finish(service: Service, around: Around, next: Next): Moved {
  if (around.closingAt !== null) return rest(service, around, 'shutdown', 'stopped for the shutdown');
  switch (next.to) {
    case 'stopped':
      return rest(service, around, next.reason, next.detail);
    case 'start':
      return start(service, around, next.reason, next.detail);
    case 'settle':
      return settle(service, around, next.verdict);
    default:
      return unreachable(next);
  }
}

/** Decides what becomes of a service whose generation ended by itself. */
function settle(service: Service, around: Around, verdict: Verdict): Moved {
  if (around.closingAt !== null || !isWanted(service)) return rest(service, around, verdict.reason, verdict.detail);
  if (service.nextSpec !== null) return start(forgiven(service), around, 'configuration', 'its configuration changed');
  const stable = isStable(service, around.now);
  const { policy } = service.spec;
  const attemptsInARow = (stable ? 0 : service.attemptsInARow) + 1;
  const before = stable ? 0 : service.failuresInARow;
  switch (verdict.kind) {
    case 'success': {
      const calm = { ...service, failuresInARow: 0 };
      if (policy.restart !== 'always') return leave({ ...calm, attemptsInARow: 0 }, around, verdict, true);
      return backOff({ ...calm, attemptsInARow }, around, verdict);
    }
    case 'transient':
      return backOff({ ...service, attemptsInARow, failuresInARow: before }, around, verdict);
    case 'permanent':
      return giveUp({ ...service, failuresInARow: before + 1, attemptsInARow }, around, verdict, null, 'permanent');
    case 'failure': {
      const counted = { ...service, failuresInARow: before + 1, attemptsInARow };
      if (policy.restart === 'never') return leave(counted, around, verdict, false);
      if (counted.failuresInARow <= policy.maxFailures) return backOff(counted, around, verdict);
      const retryAt = policy.retryFailed === 0 ? null : around.now + policy.retryFailed;
      return giveUp(counted, around, verdict, retryAt, 'too_many_failures');
    }
    default:
      return unreachable(verdict);
  }
}

function backOff(service: Service, around: Around, verdict: Verdict): Moved {
  const asked = delayBefore(service.attemptsInARow, service.spec.policy.backoff, around.random);
  const delay = verdict.kind === 'transient' ? Math.max(asked, TRANSIENT_WAIT) : asked;
  const deadline = around.now + delay;
  const [moved, said] = move(service, { name: 'backoff', deadline }, around, verdict.reason, verdict.detail);
  const [free, answers] = answerAtRest(moved, { ok: false, detail: verdict.detail });
  if (delay > 0) return [free, [...said, ...answers]];
  const [again, effects] = due(free, around);
  return [again, [...said, ...answers, ...effects]];
}

function giveUp(
  service: Service,
  around: Around,
  verdict: Verdict,
  deadline: Millis | null,
  alert: AlertReason,
): Moved {
  const text =
    alert === 'permanent'
      ? `${verdict.detail}; not retried until it is started or its configuration changes`
      : `${service.failuresInARow} failures in a row, the last: ${verdict.detail}`;
  const reason: Reason = alert === 'permanent' ? verdict.reason : 'too_many_failures';
  const [moved, said] = move(service, { name: 'failed', deadline }, around, reason, text);
  const [free, answers] = answerAtRest(moved, { ok: false, detail: text });
  return [free, [...said, { type: 'alert', service: service.spec.name, reason: alert, message: text }, ...answers]];
}

/** The policy says to leave it as it ended. */
function leave(service: Service, around: Around, verdict: Verdict, ok: boolean): Moved {
  const [moved, said] = move(service, { name: 'exited', deadline: null }, around, verdict.reason, verdict.detail);
  const [free, answers] = answerAtRest(moved, { ok, detail: verdict.detail });
  return [free, [...said, ...answers]];
}

function rest(service: Service, around: Around, reason: Reason, detail: string): Moved {
  const settled = service.nextSpec === null ? service : { ...service, spec: service.nextSpec, nextSpec: null };
  const settings: Effect[] =
    settled === service ? [] : [{ type: 'settings', service: service.spec.name, spec: settled.spec }];
  const [moved, said] =
    service.state.name === 'stopped'
      ? [settled, []]
      : move(
          { ...settled, failuresInARow: 0, attemptsInARow: 0 },
          { name: 'stopped', deadline: null },
          around,
          reason,
          detail,
        );
  const [free, answers] = answerAtRest(moved, { ok: true, detail: 'stopped' });
  return [free, [...settings, ...said, ...answers]];
}

function stillThere(service: Service, state: Extract<ServiceState, { name: 'killing' }>, around: Around): Moved {
  const { name } = service.spec;
  const again: Service = { ...service, state: { ...state, deadline: around.now + KILL_WAIT, stuck: true } };
  const kill: Effect = { type: 'kill', service: name, generation: state.run.generation };
  const who = state.run.pid === null ? 'a process of its tree' : `pid ${state.run.pid}`;
  const message = `${who} survives SIGKILL for ${KILL_WAIT} ms (uninterruptible sleep?); ${name} is not started beside it`;
  const [free, answers] = answerStuck(again, message);
  const alert: Effect[] = state.stuck ? [] : [{ type: 'alert', service: name, reason: 'unkillable', message }];
  return [{ ...free, lastReason: 'unkillable', lastDetail: message }, [kill, ...alert, ...answers]];
}

/** Its failures do not count any more. */
export function forgiven(service: Service): Service {
  return { ...service, failuresInARow: 0, attemptsInARow: 0 };
}

/** It was ready for `stable_after` in its last generation. Read from the state it is in, or leaves at this moment. */
function isStable(service: Service, now: Millis): boolean {
  const { state } = service;
  const readyAt = 'run' in state ? state.run.readyAt : null;
  return readyAt !== null && now - readyAt >= service.spec.policy.stableAfter;
}

function signalMain(service: string, generation: number, signal: SignalName): Effect {
  return { type: 'signal', service, generation, signal, to: 'main' };
}

function signalTree(service: string, generation: number): Effect {
  return { type: 'signal', service, generation, signal: 'SIGTERM', to: 'tree' };
}
