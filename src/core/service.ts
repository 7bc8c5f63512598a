// The life of one service: what each event does to it in each of its states.

import { beaten, nextLook, noBeatYet } from './heartbeat.ts';
import { bringDown, KILL_WAIT, killNow, start, starting } from './lifecycle.ts';
import type { Effect, Event, Exit, Next, Reason, Run, Service, ServiceState, Verdict } from './model.ts';
import { answerReady, answerStuck } from './orders.ts';
import { finish, settle } from './settle.ts';
import type { Millis, Policy } from './spec.ts';
import { type Around, type Moved, move, unreachable } from './transition.ts';
import { describeExit, judge } from './verdict.ts';

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

function signalTree(service: string, generation: number): Effect {
  return { type: 'signal', service, generation, signal: 'SIGTERM', to: 'tree' };
}
