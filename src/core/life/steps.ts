// The steps of a run: before_start, the service itself, after_stop; what follows when all of one is gone.

import type { Effect } from '../model/effects.ts';
import type { Event } from '../model/events.ts';
import type { Hook, Millis } from '../model/spec.ts';
import type { Exit, Next, Run, Service, ServiceState, Verdict } from '../model/state.ts';
import { withDeadline } from './deadline.ts';
import { killNow } from './lifecycle.ts';
import { concludeRun, endRun } from './run-end.ts';
import { type Moved, move, type StepContext } from './transition.ts';
import { describeExit, describeHook } from './verdict.ts';

/** An `after_stop` that follows SIGKILL is given no longer: what survives that is told after 5 s. */
const AFTER_KILL: Millis = 4_000;

/** The main process is gone, or never was; `left` others of its tree are not. */
export function onMainEnded(
  service: Service,
  around: StepContext,
  exit: Exit | null,
  left: number,
  verdict: Verdict,
): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const gone: Effect[] = state.run.pid === null ? [] : [{ type: 'remove_pid', service: spec.name }];
  const known: Service = { ...service, lastExit: exit };
  if (left === 0) {
    const [moved, effects] = treeEmptied(known, around, verdict);
    return [moved, [...gone, ...effects]];
  }
  const run: Run = { ...state.run, pid: null };
  if (state.name === 'killing') return [{ ...known, state: { ...state, run } }, gone];
  const tree = signalTree(spec.name, run.generation);
  if (state.name === 'stopping') return [{ ...known, state: { ...state, run } }, [...gone, tree]];
  const [moved, said] = leave(known, around, run, { to: 'settle', verdict }, 'leftovers', remaining(exit, left));
  return [moved, [...gone, ...said, tree]];
}

/** What runs of a hook has ended, or could not be started: `left` others of its tree live. */
export function onHookEnded(service: Service, around: StepContext, verdict: Verdict | null, left: number): Moved {
  const { state } = service;
  if (!('run' in state)) return [service, []];
  const { run } = state;
  // What it left in the background is part of it, and it is over.
  const rest: Effect[] = left === 0 ? [] : [killOf(service, run)];
  if (run.step === 'after_stop') {
    const told = verdict === null ? [] : tellFailure(service, run, verdict.detail);
    const [moved, effects] = left === 0 ? hookEmptied(service, around) : [withoutHook(service), rest];
    return [moved, [...told, ...effects]];
  }
  const known: Service = { ...service, lastExit: verdict === null ? service.lastExit : null };
  if (state.name !== 'starting')
    return left === 0 ? treeEmptied({ ...service, lastExit: null }, around, null) : [service, []];
  if (verdict === null) return left === 0 ? startMain(service) : [service, rest];
  if (left === 0) return treeEmptied(known, around, verdict);
  return killNow(known, around, verdict.reason, verdict.detail, { to: 'settle', verdict });
}

/** The last process of a tree that outlived its main process is gone. */
export function onTreeExited(service: Service, around: StepContext): Moved {
  const { state } = service;
  if (!('run' in state)) return [service, []];
  if (state.run.step === 'after_stop') return hookEmptied(service, around);
  if (state.name === 'starting' && state.run.step === 'before_start') return startMain(service);
  return state.name === 'stopping' || state.name === 'killing' ? treeEmptied(service, around, null) : [service, []];
}

/** What an end of a hook means; null: it has done what it is for. */
export function judgeHook(
  service: Service,
  event: Extract<Event, { type: 'exited' | 'spawn_failed' }>,
): Verdict | null {
  const run = 'run' in service.state ? service.state.run : null;
  const hook = run === null ? '' : describeHook(service.spec, run.step);
  const reason = 'spawn_failed';
  if (event.type === 'spawn_failed') return { kind: event.kind, reason, detail: `${hook}: ${event.message}` };
  const { exit, refusal } = event;
  if (refusal !== undefined) return { kind: 'permanent', reason, detail: `${hook}: ${refusal}` };
  if (exit.code === 0) return null;
  const how = exit.oom ? 'out of memory' : (exit.signal ?? `exit code ${exit.code}`);
  return { kind: 'failure', reason, detail: `${hook} failed: ${how}` };
}

/** The time of a hook is over: all of it is killed. */
export function onHookOverdue(service: Service, around: StepContext): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const hook = hookOf(service, state.run);
  const timeout = hook === null ? 0 : timeoutOf(hook, state);
  const detail = `${describeHook(spec, state.run.step)} was killed: it did not end within ${timeout} ms`;
  if (state.run.step === 'before_start') {
    const verdict: Verdict = { kind: 'failure', reason: 'spawn_failed', detail };
    return killNow(service, around, 'spawn_failed', detail, { to: 'settle', verdict });
  }
  const told = tellFailure(service, state.run, detail);
  const [killed, effects] =
    state.name === 'killing'
      ? [withoutHook(service), [killOf(service, state.run)]]
      : killNow(withoutHook(service), around, 'stop_timeout', detail);
  return [killed, [...told, ...effects]];
}

function startMain(service: Service): Moved {
  const { state, spec } = service;
  if (state.name !== 'starting') return [service, []];
  const run: Run = { ...state.run, step: 'main', hookEndsAt: null };
  const { generation } = run;
  return [
    withDeadline(service, 'starting', run),
    [{ type: 'spawn', service: spec.name, generation, step: 'main', spec }],
  ];
}

/** Nothing of the service itself lives: its `after_stop` runs, and then follows what is to follow. */
function treeEmptied(service: Service, around: StepContext, verdict: Verdict | null): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const hook = spec.policy.afterStop;
  const isGoing = state.name === 'stopping' || state.name === 'killing';
  if (hook === null) {
    if (isGoing) return endRun(service, around, state.next);
    return verdict === null ? [service, []] : concludeRun(service, around, verdict);
  }
  const { generation } = state.run;
  const spawn: Effect = { type: 'spawn', service: spec.name, generation, step: 'after_stop', spec };
  const hookEndsAt = around.now + timeoutOf(hook, state);
  const run: Run = { ...state.run, pid: null, step: 'after_stop', hookEndsAt };
  if (state.name === 'killing') return [{ ...service, state: { ...state, run, deadline: hookEndsAt } }, [spawn]];
  if (state.name === 'stopping') {
    return [{ ...service, state: { ...state, run, deadline: Math.min(state.deadline, hookEndsAt) } }, [spawn]];
  }
  if (verdict === null) return [service, []];
  const detail = `${verdict.detail}; after_stop runs`;
  const [moved, said] = leave(service, around, run, { to: 'settle', verdict }, verdict.reason, detail);
  return [moved, [...said, spawn]];
}

/** All of an `after_stop` is gone. */
function hookEmptied(service: Service, around: StepContext): Moved {
  const { state } = service;
  return state.name === 'stopping' || state.name === 'killing' ? endRun(service, around, state.next) : [service, []];
}

/** A generation goes down by itself. The change of state tells of the process that was. */
function leave(
  service: Service,
  around: StepContext,
  run: Run,
  next: Next,
  reason: Verdict['reason'],
  detail: string,
): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const patience = Math.min(around.now + spec.policy.stopTimeout, around.closingAt ?? Number.POSITIVE_INFINITY);
  const deadline = Math.min(patience, run.hookEndsAt ?? Number.POSITIVE_INFINITY);
  const leaving: ServiceState = { name: 'stopping', deadline, run: state.run, next };
  const [moved, said] = move(service, leaving, around, reason, detail);
  return [{ ...moved, state: { ...leaving, run } }, said];
}

function hookOf({ spec: { policy } }: Service, { step }: Run): Hook | null {
  return step === 'before_start' ? policy.beforeStart : policy.afterStop;
}

function timeoutOf({ timeout }: Hook, { name }: ServiceState): Millis {
  return name === 'killing' ? Math.min(timeout, AFTER_KILL) : timeout;
}

/** It is told once why a hook failed: what was killed was told when it was. */
function tellFailure({ spec }: Service, { generation, hookEndsAt }: Run, detail: string): Effect[] {
  return hookEndsAt === null ? [] : [{ type: 'after_stop_failed', service: spec.name, generation, detail }];
}

/** SIGKILL was sent to the hook, and it has no time left. */
function withoutHook(service: Service): Service {
  const { state } = service;
  if (state.name !== 'stopping' && state.name !== 'killing') return service;
  return { ...service, state: { ...state, run: { ...state.run, hookEndsAt: null } } };
}

function killOf({ spec }: Service, { generation, step }: Run): Effect {
  return { type: 'kill', service: spec.name, generation, step };
}

function remaining(exit: Exit | null, left: number): string {
  return `main process ended (${exit === null ? 'unknown' : describeExit(exit)}), ${left} of its processes remain`;
}

function signalTree(service: string, generation: number): Effect {
  return { type: 'signal', service, generation, step: 'main', signal: 'SIGTERM', to: 'tree' };
}
