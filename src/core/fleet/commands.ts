// Operators' orders, carried out: start, stop, restart, signal, reset.

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
  isLeaving,
  neededBy,
  needsOf,
  serviceOf,
} from './ordering.ts';
import type { StepDraft } from './step.ts';

type Order = Extract<Event, { type: 'order' }>;

/** Takes an operator's order to one service or many; each answers it exactly once, here or when it came to rest. */
export function onCommand(world: StepDraft, order: Order): void {
  const { id, services } = order;
  const others = order.action === 'stop' ? neededBy(world.state, services) : [];
  if (order.action === 'stop' && !order.cascade && others.length > 0 && world.state.phase.name === 'running') {
    const message = `${brief(services)} cannot be stopped alone: needed by ${brief(others)}; --cascade stops these first`;
    world.effects.push({ type: 'refused', id, code: 'needed', message });
    return;
  }
  const all = [...services, ...others];
  const isDown = order.action === 'stop' || order.action === 'restart';
  const names = isDown ? dependentsFirst(world.state, all) : all;
  world.effects.push({ type: 'taken', id, services: names });
  const chosen = new Set(names);
  for (const name of names) obeyOne(world, order, name, chosen);
}

/** `chosen`: all that the order is for. */
function obeyOne(world: StepDraft, order: Order, name: string, chosen: ReadonlySet<string>): void {
  const answer = (outcome: Outcome) =>
    void world.effects.push({ type: 'answer', id: order.id, service: name, outcome });
  const target = serviceOf(world.state, name);
  if (target === undefined || (target.isRemoved && order.action !== 'stop')) {
    return answer({ ok: false, code: 'unknown_service', message: `no service named ${name} is configured` });
  }
  if (world.state.phase.name === 'shutting_down') {
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
      world.effects.push({ type: 'signal', service: name, generation, step: 'main', signal: order.signal, to: 'main' });
      return answer({ ok: true, message: `${order.signal} sent to ${name} (pid ${pid})` });
    }
    case 'reset':
      world.change(name, (service) => [{ ...service, failuresInARow: 0, attemptsInARow: 0, restarts: 0 }, []]);
      return answer({ ok: true, message: `the failures of ${name} are forgotten; it is ${target.state.name}` });
    case 'run':
      if (target.spec.policy.restart === 'always') {
        const message = `${name} is no job: it is started again whenever it ends (restart = "always"), so its end is not waited for`;
        return answer({ ok: false, code: 'no_job', message });
      }
      return moveAsOrdered(world, target, order, chosen);
    case 'start':
    case 'stop':
    case 'restart':
      return moveAsOrdered(world, target, order, chosen);
    default:
      return unreachable(order);
  }
}

function moveAsOrdered(
  world: StepDraft,
  { spec, state }: Service,
  { id, action, by }: Order,
  chosen: ReadonlySet<string>,
): void {
  if (action === 'signal' || action === 'reset') return;
  const { name } = spec;
  const isUp = state.name === 'starting' || state.name === 'running';
  // A stop waits for those that are stopped with it, a restart for all.
  const isToWait =
    isUp &&
    ((action === 'restart' && isAwaitingDependents(world.state, name)) ||
      (action === 'stop' && isAwaitingDependents(world.state, name, chosen)));
  const deferredFrom = isToWait && action === 'restart' ? by : null;
  world.change(name, (service) => {
    const [free, answers] = supersede(service, action, by);
    const desired = action === 'stop' ? 'down' : action === 'run' && isWanted(service) ? service.desired : 'up';
    return [{ ...free, desired, deferred: action === 'stop' ? free.deferred : stillHeld(free) }, answers];
  });
  if (action !== 'stop')
    for (const needed of needsOf(world.state, name)) world.change(needed, (s, a) => bringUp(s, a, by));
  world.change(name, (service, around) => {
    const ordered: Service = { ...service, orders: [...service.orders, { id, action, deferredFrom }] };
    if (!isToWait) return carryOut(ordered, around, action, by);
    // What it is held for survives opsd: whoever is not to be up goes down in its turn at the next one, too.
    return action === 'stop' ? bringDownInTurn(ordered, around, stopBy(by)) : [ordered, []];
  });
}

/** More names make no better message. */
const MOST_NAMED = 10;

function brief(names: readonly string[]): string {
  if (names.length <= MOST_NAMED) return names.join(',');
  return `${names.slice(0, MOST_NAMED).join(',')} and ${names.length - MOST_NAMED} more`;
}

/** It is to be up: of what a reload wants only the new form is left. */
function stillHeld({ nextSpec, deferred }: Service): Service['deferred'] {
  if (deferred?.to !== 'stopped') return deferred;
  return nextSpec === null ? null : { ...deferred, to: 'start' };
}

/** Takes those down that waited for dependents which are gone now. */
export function resumeDeferred(world: StepDraft): void {
  if (world.effects.length === 0 && !world.mayAdmit) return;
  const held = world.state.services.filter(isDeferred).map(({ spec }) => spec.name);
  if (held.length === 0) return;
  for (const name of held) if (!isAwaitingDependents(world.state, name)) release(world, name);
  // Who waits for whom may have been turned round meanwhile: with nobody on the way down they wait for each other.
  if (!world.state.services.some(isLeaving)) for (const name of held) release(world, name);
}

function release(world: StepDraft, name: string): void {
  world.change(name, (service, around) => {
    const { deferred, orders } = service;
    if (deferred !== null) return bringDown(resumed(service), around, deferred);
    const by = orders.find(({ deferredFrom }) => deferredFrom !== null)?.deferredFrom;
    return by == null ? [service, []] : carryOut(resumed(service), around, 'restart', by);
  });
}

function stopBy(by: string): Next {
  return { to: 'stopped', reason: 'operator', detail: `stop by ${by}` };
}

function carryOut(service: Service, around: StepContext, action: PendingCommand['action'], by: string): Moved {
  const reason = 'operator' as const;
  const detail = `${action} by ${by}`;
  switch (action) {
    case 'stop':
      return bringDown(service, around, stopBy(by));
    case 'restart':
      return bringDown(forgiven(service), around, { to: 'start', reason, detail });
    case 'run':
      // One that runs already is the one that is waited for.
      if (isLive(service.state) && !isGoing(service)) return [service, []];
      return bringDown(forgiven(service), around, { to: 'start', reason, detail });
    case 'start': {
      const { state } = service;
      if (state.name === 'starting' || state.name === 'running') return [service, []];
      return bringDown(forgiven(service), around, { to: 'start', reason, detail });
    }
    default:
      return unreachable(action);
  }
}

function isGoing({ state }: Service): boolean {
  return state.name === 'stopping' || state.name === 'killing';
}

/** For what a started service requires: up, if it is at rest. */
function bringUp(service: Service, around: StepContext, by: string): Moved {
  const { name } = service.state;
  const isDone = name === 'exited' && service.lastReason === 'success';
  if (isLive(service.state) || name === 'waiting' || isDone) return [service, []];
  const wanted: Service = { ...forgiven(service), desired: isWanted(service) ? service.desired : 'up' };
  return start(wanted, around, 'dependency', `needed by what ${by} started`);
}
