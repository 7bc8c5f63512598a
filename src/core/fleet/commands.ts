// Operators' orders, carried out: start, stop, restart, signal, reset.

import { bringDown, start } from '../life/lifecycle.ts';
import { released, supersede } from '../life/pending-commands.ts';
import { type Around, forgiven, isLive, isWanted, type Moved, unreachable } from '../life/transition.ts';
import type { Effect, Outcome } from '../model/effects.ts';
import type { Event } from '../model/events.ts';
import type { PendingOrder, Service } from '../model/state.ts';
import { isAwaitingDependents, isHeld, isLeaving, needsOf, serviceOf } from './ordering.ts';
import type { World } from './step.ts';

/** Takes an operator's order; every order is answered exactly once, here or when its service came to rest. */
export function obey(world: World, event: Extract<Event, { type: 'order' }>): void {
  const { id, service: name, by } = event;
  const answer = (outcome: Outcome): Effect => ({ type: 'answer', id, service: name, outcome });
  const target = serviceOf(world.state, name);
  if (target === undefined || (target.removed && event.action !== 'stop')) {
    world.effects.push(
      answer({ ok: false, code: 'unknown_service', message: `no service named ${name} is configured` }),
    );
    return;
  }
  if (world.state.phase.name === 'shutting_down') {
    world.effects.push(answer({ ok: false, code: 'shutting_down', message: 'opsd is shutting down' }));
    return;
  }
  switch (event.action) {
    case 'signal': {
      const { state } = target;
      if (!('run' in state) || state.run.pid === null) {
        const message = `${name} is ${state.name}: there is no process to signal`;
        world.effects.push(answer({ ok: false, code: 'not_running', message }));
        return;
      }
      const { generation, pid } = state.run;
      world.effects.push(
        { type: 'signal', service: name, generation, signal: event.signal, to: 'main' },
        answer({ ok: true, message: `${event.signal} sent to ${name} (pid ${pid})` }),
      );
      return;
    }
    case 'reset':
      world.change(name, (service) => [{ ...service, failuresInARow: 0, attemptsInARow: 0, restarts: 0 }, []]);
      world.effects.push(
        answer({ ok: true, message: `the failures of ${name} are forgotten; it is ${target.state.name}` }),
      );
      return;
    case 'start':
    case 'stop':
    case 'restart':
    case 'run': {
      const { action } = event;
      if (action === 'run' && target.spec.policy.restart === 'always') {
        const message = `${name} is no job: it is started again whenever it ends (restart = "always"), so its end is not waited for`;
        world.effects.push(answer({ ok: false, code: 'no_job', message }));
        return;
      }
      const isToWait =
        action === 'restart' &&
        (target.state.name === 'starting' || target.state.name === 'running') &&
        isAwaitingDependents(world.state, name);
      world.change(name, (service) => {
        const [free, answers] = supersede(service, action, by);
        const wish = action === 'stop' ? 'down' : action === 'run' && isWanted(service) ? service.wish : 'up';
        return [{ ...free, wish, held: action === 'stop' ? free.held : stillHeld(free) }, answers];
      });
      if (action !== 'stop')
        for (const needed of needsOf(world.state, name)) world.change(needed, (s, a) => bringUp(s, a, by));
      world.change(name, (service, around) => {
        const ordered = { ...service, orders: [...service.orders, { id, action, heldFrom: isToWait ? by : null }] };
        return isToWait ? [ordered, []] : carryOut(ordered, around, action, by);
      });
      return;
    }
    default:
      return unreachable(event);
  }
}

/** It is to be up: of what a reload wants only the new form is left. */
function stillHeld({ nextSpec, held }: Service): Service['held'] {
  if (held?.to !== 'stopped') return held;
  return nextSpec === null ? null : { ...held, to: 'start' };
}

/** Takes those down that waited for dependents which are gone now. */
export function releaseHeld(world: World): void {
  if (world.effects.length === 0 && !world.mayAdmit) return;
  const held = world.state.services.filter(isHeld).map(({ spec }) => spec.name);
  if (held.length === 0) return;
  for (const name of held) if (!isAwaitingDependents(world.state, name)) release(world, name);
  // Who waits for whom may have been turned round meanwhile: with nobody on the way down they wait for each other.
  if (!world.state.services.some(isLeaving)) for (const name of held) release(world, name);
}

function release(world: World, name: string): void {
  world.change(name, (service, around) => {
    const { held, orders } = service;
    if (held !== null) return bringDown(released(service), around, held);
    const by = orders.find(({ heldFrom }) => heldFrom !== null)?.heldFrom;
    return by == null ? [service, []] : carryOut(released(service), around, 'restart', by);
  });
}

function carryOut(service: Service, around: Around, action: PendingOrder['action'], by: string): Moved {
  const reason = 'operator' as const;
  const detail = `${action} by ${by}`;
  switch (action) {
    case 'stop':
      return bringDown(service, around, { to: 'stopped', reason, detail });
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
function bringUp(service: Service, around: Around, by: string): Moved {
  const { name } = service.state;
  const isDone = name === 'exited' && service.lastReason === 'success';
  if (isLive(service.state) || name === 'waiting' || isDone) return [service, []];
  const wanted: Service = { ...forgiven(service), wish: isWanted(service) ? service.wish : 'up' };
  return start(wanted, around, 'dependency', `needed by what ${by} started`);
}
