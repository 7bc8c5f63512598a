// Up and down: how a generation is started, asked to stop, and killed.

import { boundedDetail } from '../model/detail.ts';
import type { Effect } from '../model/effects.ts';
import type { Millis } from '../model/spec.ts';
import type { Next, Run, Service, ServiceState } from '../model/state.ts';
import type { Reason } from '../model/states.ts';
import { stateOf } from './deadline.ts';
import { UNASKED } from './health.ts';
import { noBeatYet } from './heartbeat.ts';
import { forgiven, type Moved, move, type StepContext, unreachable } from './transition.ts';
import { describeHook } from './verdict.ts';

/** How long a tree may survive SIGKILL before the alert, and how often SIGKILL is sent again. */
export const KILL_WAIT: Millis = 5_000;

/** Starts a service without processes: into `starting`, or into `waiting` if there is an obstacle. */
export function start(service: Service, context: StepContext, reason: Reason, detail: string): Moved {
  const fresh =
    service.nextSpec === null ? service : { ...service, spec: service.nextSpec, nextSpec: null, deferred: null };
  const settings: Effect[] =
    fresh === service ? [] : [{ type: 'settings', service: service.spec.name, spec: fresh.spec }];
  const obstacle = context.obstacle(fresh);
  if (obstacle !== null) {
    const { text, on, isUnsatisfiable } = obstacle;
    const waiting: ServiceState = { name: 'waiting', deadline: null, for: text, on, isUnsatisfiable };
    const told = boundedDetail(`waits for ${obstacle.text}`);
    const [waiter, said]: Moved =
      fresh.state.name === 'waiting'
        ? [{ ...fresh, state: waiting, lastDetail: told }, []]
        : move(fresh, waiting, context, reason, told);
    return [waiter, [...settings, ...said]];
  }
  const generation = fresh.generation + 1;
  const { beforeStart } = fresh.spec.policy;
  const step = beforeStart === null ? 'main' : 'before_start';
  const run: Run = {
    generation,
    step,
    hookEndsAt: beforeStart === null ? null : context.now + beforeStart.timeout,
    pid: null,
    startedAt: context.now,
    overslept: 0,
    readyAt: null,
    isAdopted: false,
    beat: noBeatYet(fresh.spec.policy, context.now),
    check: UNASKED,
  };
  const [next, said] = move({ ...fresh, generation }, stateOf(fresh, 'starting', run), context, reason, detail);
  const { spec } = fresh;
  return [next, [...settings, ...said, { type: 'spawn', service: spec.name, generation, step, spec }]];
}

/** Takes a service down when its turn comes: defers that until its dependents that are going down are gone. */
export function bringDownInTurn(service: Service, context: StepContext, next: Next): Moved {
  const { name } = service.state;
  if (name !== 'starting' && name !== 'running') return bringDown(service, context, next);
  return [{ ...service, deferred: next }, []];
}

/** Takes a service down; `next` follows when its process tree is empty. Safe in every state. */
export function bringDown(service: Service, context: StepContext, next: Next): Moved {
  const { reason, detail } = next.to === 'settle' ? next.verdict : next;
  switch (service.state.name) {
    case 'starting':
    case 'running': {
      const { policy, name } = service.spec;
      const { generation, step } = service.state.run;
      const run: Run = { ...service.state.run, hookEndsAt: null };
      const deadline = Math.min(context.now + policy.stopTimeout, context.closingAt ?? Number.POSITIVE_INFINITY);
      const state: ServiceState = { name: 'stopping', deadline, run, next };
      const [moved, said] = move({ ...service, deferred: null }, state, context, reason, detail);
      // A before_start has nothing to finish: it is killed at once.
      const down: Effect =
        step === 'before_start'
          ? { type: 'kill', service: name, generation, step }
          : { type: 'signal', service: name, generation, step, signal: policy.stopSignal, to: 'main' };
      return [moved, [...said, down]];
    }
    case 'stopping':
    case 'killing':
      return [{ ...service, state: { ...service.state, next } }, []];
    case 'waiting':
    case 'backoff':
    case 'failed':
    case 'exited':
    case 'stopped':
      return next.to === 'start'
        ? start(service, context, reason, detail)
        : moveToStopped(service, context, reason, detail);
    default:
      return unreachable(service.state);
  }
}

/** Kills the process tree at once. `then`: what follows if the service was not stopping already; without it: stopped. */
export function killNow(service: Service, context: StepContext, reason: Reason, detail: string, then?: Next): Moved {
  const { state, spec } = service;
  if (state.name !== 'starting' && state.name !== 'running' && state.name !== 'stopping') return [service, []];
  const next: Next = state.name === 'stopping' ? state.next : (then ?? { to: 'stopped', reason, detail });
  const { generation, step, hookEndsAt } = state.run;
  const run: Run = { ...state.run, hookEndsAt: null };
  const killing: ServiceState = { name: 'killing', deadline: context.now + KILL_WAIT, run, next, isStuck: false };
  const [moved, said] = move({ ...service, deferred: null }, killing, context, reason, detail);
  const why = `${describeHook(spec, step)} was killed: the time to stop was over`;
  const told: Effect[] =
    step === 'after_stop' && hookEndsAt !== null
      ? [{ type: 'after_stop_failed', service: spec.name, generation, detail: why }]
      : [];
  return [moved, [...told, ...said, { type: 'kill', service: spec.name, generation, step }]];
}

/** The service is down on purpose: its failures are forgotten, and a queued run of its schedule is dropped. */
export function moveToStopped(service: Service, context: StepContext, reason: Reason, detail: string): Moved {
  const spec = service.nextSpec ?? service.spec;
  const settled: Service = { ...service, spec, nextSpec: null, deferred: null };
  const settings: Effect[] = spec === service.spec ? [] : [{ type: 'settings', service: spec.name, spec }];
  const [moved, said] =
    service.state.name === 'stopped'
      ? [settled, []]
      : move(
          { ...forgiven(settled), lastFailure: null, isQueued: false },
          { name: 'stopped', deadline: null },
          context,
          reason,
          detail,
        );
  return [moved, [...settings, ...said]];
}
