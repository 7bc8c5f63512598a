// The steps of a run, before_start, main and after_stop: what follows when the process tree of one is empty.

import type { Effect } from '../model/effects.ts';
import type { Event } from '../model/events.ts';
import { spanText } from '../model/span-text.ts';
import type { Hook, Millis } from '../model/spec.ts';
import type { Exit, Next, Run, Service, ServiceState, Verdict } from '../model/state.ts';
import { withDeadline } from './deadline.ts';
import { killNow } from './lifecycle.ts';
import { concludeRun, endRun } from './run-end.ts';
import { type Moved, move, type StepContext } from './transition.ts';
import { describeExit, describeHook, ofFailedSpawn } from './verdict.ts';

/** Longest `after_stop` after a kill: shorter than the 5 s after which opsd reports that a tree survives SIGKILL. */
const LONGEST_AFTER_KILL: Millis = 4_000;

/** The main process has ended, or could not be spawned. `left`: other processes of its tree that live. */
export function onMainEnded(
  service: Service,
  context: StepContext,
  exit: Exit | null,
  left: number,
  verdict: Verdict,
): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const gone: Effect[] = state.run.pid === null ? [] : [{ type: 'remove_pid', service: spec.name }];
  const known: Service = { ...service, lastExit: exit };
  if (left === 0) {
    const [moved, effects] = onMainTreeGone(known, context, verdict);
    return [moved, [...gone, ...effects]];
  }
  const run: Run = { ...state.run, pid: null };
  if (state.name === 'killing') return [{ ...known, state: { ...state, run } }, gone];
  const tree = signalTree(spec.name, run.generation);
  if (state.name === 'stopping') return [{ ...known, state: { ...state, run } }, [...gone, tree]];
  const [moved, said] = stopByItself(
    known,
    context,
    run,
    { to: 'settle', verdict: verdict.kind === 'success' ? { ...verdict, left } : verdict, at: context.now },
    'leftovers',
    describeLeftovers(exit, left),
  );
  return [moved, [...gone, ...said, tree]];
}

/** The process of a hook has ended, or could not be spawned. `left`: other processes of its tree that live. */
export function onHookEnded(service: Service, context: StepContext, verdict: Verdict | null, left: number): Moved {
  const { state } = service;
  if (!('run' in state)) return [service, []];
  const { run } = state;
  // Background processes of a hook end with it.
  const rest: Effect[] = left === 0 ? [] : [killOf(service, run)];
  if (run.step === 'after_stop') {
    const told = verdict === null ? [] : afterStopFailure(service, run, verdict.detail);
    const [moved, effects] = left === 0 ? onAfterStopGone(service, context) : [withoutHookDeadline(service), rest];
    return [moved, [...told, ...effects]];
  }
  const known: Service = { ...service, lastExit: verdict === null ? service.lastExit : null };
  if (state.name !== 'starting')
    return left === 0 ? onMainTreeGone({ ...service, lastExit: null }, context, null) : [service, []];
  if (verdict === null) return left === 0 ? startMain(service) : [service, rest];
  if (left === 0) return onMainTreeGone(known, context, verdict);
  return killNow(known, context, verdict.reason, verdict.detail, { to: 'settle', verdict, at: context.now });
}

/** The last process of a tree that outlived its main process has ended. */
export function onTreeExited(service: Service, context: StepContext): Moved {
  const { state } = service;
  if (!('run' in state)) return [service, []];
  if (state.run.step === 'after_stop') return onAfterStopGone(service, context);
  if (state.name === 'starting' && state.run.step === 'before_start') return startMain(service);
  return state.name === 'stopping' || state.name === 'killing' ? onMainTreeGone(service, context, null) : [service, []];
}

/** How the end of a hook is judged; null: it succeeded. */
export function judgeHook(
  service: Service,
  event: Extract<Event, { type: 'exited' | 'spawn_failed' }>,
): Verdict | null {
  const run = 'run' in service.state ? service.state.run : null;
  const hook = run === null ? '' : describeHook(service.spec, run.step);
  const reason = 'spawn_failed';
  if (event.type === 'spawn_failed') return ofFailedSpawn(event.kind, `${hook}: ${event.message}`);
  const { exit, refusal } = event;
  if (refusal !== undefined) return ofFailedSpawn('host', `${hook}: ${refusal}`);
  if (exit.code === 0) return null;
  const how = exit.oom ? 'out of memory' : (exit.signal ?? `exit code ${exit.code}`);
  return { kind: 'failure', reason, detail: `${hook} failed: ${how}` };
}

/** Kills a hook that has reached its timeout. */
export function onHookOverdue(service: Service, context: StepContext): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const hook = hookOf(service, state.run);
  const timeout = hook === null ? 0 : timeoutOf(hook, state);
  const detail = `${describeHook(spec, state.run.step)} was killed: it did not end within ${spanText(timeout)}`;
  if (state.run.step === 'before_start') {
    const verdict: Verdict = { kind: 'failure', reason: 'spawn_failed', detail };
    return killNow(service, context, 'spawn_failed', detail, { to: 'settle', verdict, at: context.now });
  }
  const told = afterStopFailure(service, state.run, detail);
  const [killed, effects] =
    state.name === 'killing'
      ? [withoutHookDeadline(service), [killOf(service, state.run)]]
      : killNow(withoutHookDeadline(service), context, 'stop_timeout', detail);
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

/** The process tree of the main process is empty: runs `after_stop` if there is one, else concludes the run. */
function onMainTreeGone(service: Service, context: StepContext, verdict: Verdict | null): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const hook = spec.policy.afterStop;
  const isGoing = state.name === 'stopping' || state.name === 'killing';
  if (hook === null) {
    if (isGoing) return endRun(service, context, state.next);
    return verdict === null ? [service, []] : concludeRun(service, context, verdict);
  }
  const { generation } = state.run;
  const spawn: Effect = { type: 'spawn', service: spec.name, generation, step: 'after_stop', spec };
  const hookEndsAt = context.now + timeoutOf(hook, state);
  const run: Run = { ...state.run, pid: null, step: 'after_stop', hookEndsAt };
  if (state.name === 'killing') return [{ ...service, state: { ...state, run, deadline: hookEndsAt } }, [spawn]];
  if (state.name === 'stopping') {
    return [{ ...service, state: { ...state, run, deadline: Math.min(state.deadline, hookEndsAt) } }, [spawn]];
  }
  if (verdict === null) return [service, []];
  const detail = `${verdict.detail}; after_stop runs`;
  const [moved, said] = stopByItself(
    service,
    context,
    run,
    { to: 'settle', verdict, at: context.now },
    verdict.reason,
    detail,
  );
  return [moved, [...said, spawn]];
}

/** The process tree of `after_stop` is empty. */
function onAfterStopGone(service: Service, context: StepContext): Moved {
  const { state } = service;
  return state.name === 'stopping' || state.name === 'killing' ? endRun(service, context, state.next) : [service, []];
}

/** Goes to `stopping` because the main process ended by itself. The transition has the PID that ended, the state has not. */
function stopByItself(
  service: Service,
  context: StepContext,
  run: Run,
  next: Next,
  reason: Verdict['reason'],
  detail: string,
): Moved {
  const { state, spec } = service;
  if (!('run' in state)) return [service, []];
  const patience = Math.min(context.now + spec.policy.stopTimeout, context.closingAt ?? Number.POSITIVE_INFINITY);
  const deadline = Math.min(patience, run.hookEndsAt ?? Number.POSITIVE_INFINITY);
  const leaving: ServiceState = { name: 'stopping', deadline, run: state.run, next };
  const [moved, said] = move(service, leaving, context, reason, detail);
  return [{ ...moved, state: { ...leaving, run } }, said];
}

function hookOf({ spec: { policy } }: Service, { step }: Run): Hook | null {
  return step === 'before_start' ? policy.beforeStart : policy.afterStop;
}

function timeoutOf({ timeout }: Hook, { name }: ServiceState): Millis {
  return name === 'killing' ? Math.min(timeout, LONGEST_AFTER_KILL) : timeout;
}

/** The effect that reports a failed after_stop; none if the hook was killed, which was reported then. */
function afterStopFailure({ spec }: Service, { generation, hookEndsAt }: Run, detail: string): Effect[] {
  return hookEndsAt === null ? [] : [{ type: 'after_stop_failed', service: spec.name, generation, detail }];
}

/** The service without the deadline of its hook, which was killed. */
function withoutHookDeadline(service: Service): Service {
  const { state } = service;
  if (state.name !== 'stopping' && state.name !== 'killing') return service;
  return { ...service, state: { ...state, run: { ...state.run, hookEndsAt: null } } };
}

function killOf({ spec }: Service, { generation, step }: Run): Effect {
  return { type: 'kill', service: spec.name, generation, step };
}

function describeLeftovers(exit: Exit | null, left: number): string {
  return `main process ended (${exit === null ? 'unknown' : describeExit(exit)}), ${left} of its processes remain`;
}

function signalTree(service: string, generation: number): Effect {
  return { type: 'signal', service, generation, step: 'main', signal: 'SIGTERM', to: 'tree' };
}
