// Commands of operators: start, stop, restart, run, signal, reset.

import { bringDown, bringDownInTurn, start } from '../life/lifecycle.ts';
import { resumed, supersede } from '../life/pending-commands.ts';
import { forgiven, isLive, isWanted, type Moved, type StepContext, unreachable } from '../life/transition.ts';
import type { Outcome } from '../model/effects.ts';
import type { Event } from '../model/events.ts';
import type { Next, PendingCommand, Service } from '../model/state.ts';
import {
  dependentsFirst,
  isAwaitingDependents,
  isDeferred,
  isGoingDown,
  neededBy,
  needsOf,
  serviceOf,
} from './ordering.ts';
import type { StepDraft } from './step.ts';

type CommandEvent = Extract<Event, { type: 'order' }>;

/** Carries out a command to one service or many. Each answers exactly once: here, or when it has come up or to rest. */
export function onCommand(draft: StepDraft, order: CommandEvent): void {
  const { id, services } = order;
  const others = order.action === 'stop' ? neededBy(draft.state, services) : [];
  if (order.action === 'stop' && !order.cascade && others.length > 0 && draft.state.phase.name === 'running') {
    const message = `${brief(services)} cannot be stopped alone: needed by ${brief(others)}; --cascade stops these first`;
    draft.effects.push({ type: 'refused', id, code: 'needed', message });
    return;
  }
  const all = [...services, ...others];
  const isDown = order.action === 'stop' || order.action === 'restart';
  const names = isDown ? dependentsFirst(draft.state, all) : all;
  draft.effects.push({ type: 'taken', id, services: names });
  const chosen = new Set(names);
  for (const name of names) commandOne(draft, order, name, chosen);
}

/** `chosen`: all services the command is for. */
function commandOne(draft: StepDraft, order: CommandEvent, name: string, chosen: ReadonlySet<string>): void {
  const answer = (outcome: Outcome) =>
    void draft.effects.push({ type: 'answer', id: order.id, service: name, outcome });
  const target = serviceOf(draft.state, name);
  if (target === undefined || (target.isRemoved && order.action !== 'stop')) {
    return answer({ ok: false, code: 'unknown_service', message: `no service named ${name} is configured` });
  }
  if (draft.state.phase.name === 'shutting_down') {
    return answer({ ok: false, code: 'shutting_down', message: 'opsd is shutting down' });
  }
  switch (order.action) {
    case 'signal': {
      const { state } = target;
      if (!('run' in state) || state.run.pid === null) {
        const message = `${name} is ${state.name}: there is no process to signal`;
        return answer({ ok: false, code: 'not_running', message });
      }
      const { generation, pid } = state.run;
      draft.effects.push({ type: 'signal', service: name, generation, step: 'main', signal: order.signal, to: 'main' });
      return answer({ ok: true, message: `${order.signal} sent to ${name} (pid ${pid})` });
    }
    case 'reset':
      draft.change(name, (service) => [{ ...forgiven(service), restarts: 0 }, []]);
      return answer({ ok: true, message: `the failures of ${name} are forgotten; it is ${target.state.name}` });
    case 'run':
      if (target.spec.policy.restart === 'always') {
        const message = `${name} is no job: it is started again whenever it ends (restart = "always"), so its end is not waited for`;
        return answer({ ok: false, code: 'no_job', message });
      }
      return applyCommand(draft, target, order, chosen);
    case 'start':
    case 'stop':
    case 'restart':
      return applyCommand(draft, target, order, chosen);
    default:
      return unreachable(order);
  }
}

function applyCommand(
  draft: StepDraft,
  { spec, state }: Service,
  { id, action, by }: CommandEvent,
  chosen: ReadonlySet<string>,
): void {
  if (action === 'signal' || action === 'reset') return;
  const { name } = spec;
  const isUp = state.name === 'starting' || state.name === 'running';
  // A stop waits for dependents that the same command stops, a restart for all that are going down.
  const isToWait =
    isUp &&
    ((action === 'restart' && isAwaitingDependents(draft.state, name)) ||
      (action === 'stop' && isAwaitingDependents(draft.state, name, chosen)));
  const deferredFrom = isToWait && action === 'restart' ? by : null;
  draft.change(name, (service) => {
    const [free, answers] = supersede(service, action, by);
    const desired = action === 'stop' ? 'down' : action === 'run' && isWanted(service) ? service.desired : 'up';
    return [{ ...free, desired, deferred: action === 'stop' ? free.deferred : withoutDeferredStop(free) }, answers];
  });
  if (action !== 'stop')
    for (const needed of needsOf(draft.state, name)) draft.change(needed, (s, a) => startNeeded(s, a, by));
  draft.change(name, (service, context) => {
    const ordered: Service = { ...service, orders: [...service.orders, { id, action, deferredFrom }] };
    if (!isToWait) return carryOut(ordered, context, action, by);
    // The stop is deferred but the desired state is saved now: after a kill -9 the next opsd stops the service in its turn.
    return action === 'stop' ? bringDownInTurn(ordered, context, stopBy(by)) : [ordered, []];
  });
}

/** A message names no more services than this. */
const MOST_NAMED = 10;

function brief(names: readonly string[]): string {
  if (names.length <= MOST_NAMED) return names.join(',');
  return `${names.slice(0, MOST_NAMED).join(',')} and ${names.length - MOST_NAMED} more`;
}

/** A command that wants the service up cancels a deferred stop; a new spec still needs a restart. */
function withoutDeferredStop({ nextSpec, deferred }: Service): Service['deferred'] {
  if (deferred?.to !== 'stopped') return deferred;
  return nextSpec === null ? null : { ...deferred, to: 'start' };
}

/** Carries out deferred changes and commands whose dependents are gone. */
export function resumeDeferred(draft: StepDraft): void {
  if (draft.effects.length === 0 && !draft.mayAdmit) return;
  const held = draft.state.services.filter(isDeferred).map(({ spec }) => spec.name);
  if (held.length === 0) return;
  for (const name of held) if (!isAwaitingDependents(draft.state, name)) resumeOne(draft, name);
  // A reload may have reversed dependencies. If nothing is going down any more, deferred services wait for each other.
  if (!draft.state.services.some(isGoingDown)) for (const name of held) resumeOne(draft, name);
}

function resumeOne(draft: StepDraft, name: string): void {
  draft.change(name, (service, context) => {
    const { deferred, orders } = service;
    if (deferred !== null) return bringDown(resumed(service), context, deferred);
    const by = orders.find(({ deferredFrom }) => deferredFrom !== null)?.deferredFrom;
    return by == null ? [service, []] : carryOut(resumed(service), context, 'restart', by);
  });
}

function stopBy(by: string): Next {
  return { to: 'stopped', reason: 'operator', detail: `stop by ${by}` };
}

function carryOut(service: Service, context: StepContext, action: PendingCommand['action'], by: string): Moved {
  const reason = 'operator' as const;
  const detail = `${action} by ${by}`;
  switch (action) {
    case 'stop':
      return bringDown(service, context, stopBy(by));
    case 'restart':
      return bringDown(forgiven(service), context, { to: 'start', reason, detail });
    case 'run':
      // If the service is up, the command waits for the end of this run.
      if (isLive(service.state) && !isGoing(service)) return [service, []];
      return bringDown(forgiven(service), context, { to: 'start', reason, detail });
    case 'start': {
      const { state } = service;
      if (state.name === 'starting' || state.name === 'running') return [service, []];
      return bringDown(forgiven(service), context, { to: 'start', reason, detail });
    }
    default:
      return unreachable(action);
  }
}

function isGoing({ state }: Service): boolean {
  return state.name === 'stopping' || state.name === 'killing';
}

/** Starts a dependency of a started service if it is at rest. */
function startNeeded(service: Service, context: StepContext, by: string): Moved {
  const { name } = service.state;
  const isDone = name === 'exited' && service.lastReason === 'success';
  if (isLive(service.state) || name === 'waiting' || isDone) return [service, []];
  const wanted: Service = { ...forgiven(service), desired: isWanted(service) ? service.desired : 'up' };
  return start(wanted, context, 'dependency', `a service that ${by} started depends on it`);
}
