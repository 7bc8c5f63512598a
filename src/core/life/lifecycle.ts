// Up and down: how a generation is started, asked to stop, and killed.

import type { Effect } from '../model/effects.ts';
import type { Millis, SignalName } from '../model/spec.ts';
import type { Next, Run, Service, ServiceState } from '../model/state.ts';
import type { Reason } from '../model/states.ts';
import { stateOf } from './deadline.ts';
import { UNASKED } from './health.ts';
import { noBeatYet } from './heartbeat.ts';
import { type Around, type Moved, move, unreachable } from './transition.ts';

/** How long SIGKILL may take before we say that it does not work, and how often it is said to try again. */
export const KILL_WAIT: Millis = 5_000;

/** Brings a service that is at rest up, or lets it wait for what it needs. */
export function start(service: Service, around: Around, reason: Reason, detail: string): Moved {
  const fresh =
    service.nextSpec === null ? service : { ...service, spec: service.nextSpec, nextSpec: null, held: null };
  const settings: Effect[] =
    fresh === service ? [] : [{ type: 'settings', service: service.spec.name, spec: fresh.spec }];
  const obstacle = around.obstacle(fresh);
  if (obstacle !== null) {
    const { text, on, hopeless } = obstacle;
    const waiting: ServiceState = { name: 'waiting', deadline: null, for: text, on, hopeless };
    const told = `waits for ${obstacle.text}`;
    const [waiter, said]: Moved =
      fresh.state.name === 'waiting'
        ? [{ ...fresh, state: waiting, lastDetail: told }, []]
        : move(fresh, waiting, around, reason, told);
    return [waiter, [...settings, ...said]];
  }
  const generation = fresh.generation + 1;
  const run: Run = {
    generation,
    pid: null,
    startedAt: around.now,
    readyAt: null,
    adopted: false,
    beat: noBeatYet(fresh.spec.policy, around.now),
    check: UNASKED,
  };
  const [next, said] = move({ ...fresh, generation }, stateOf(fresh, 'starting', run), around, reason, detail);
  return [next, [...settings, ...said, { type: 'spawn', service: fresh.spec.name, generation, spec: fresh.spec }]];
}

/** Takes a service down when its turn comes: after those that come after it and are on their way down too (`held`). */
export function bringDownInTurn(service: Service, around: Around, next: Next): Moved {
  const { name } = service.state;
  if (name !== 'starting' && name !== 'running') return bringDown(service, around, next);
  return [{ ...service, held: next }, []];
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
      const [moved, said] = move({ ...service, held: null }, state, around, reason, detail);
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
  const [moved, said] = move({ ...service, held: null }, killing, around, reason, detail);
  return [moved, [...said, { type: 'kill', service: service.spec.name, generation: state.run.generation }]];
}

/** Down on purpose: what the clock had queued is off, too. */
export function rest(service: Service, around: Around, reason: Reason, detail: string): Moved {
  const spec = service.nextSpec ?? service.spec;
  const settled: Service = { ...service, spec, nextSpec: null, held: null };
  const settings: Effect[] = spec === service.spec ? [] : [{ type: 'settings', service: spec.name, spec }];
  const [moved, said] =
    service.state.name === 'stopped'
      ? [settled, []]
      : move(
          { ...settled, failuresInARow: 0, attemptsInARow: 0, lastFailure: null, isQueued: false },
          { name: 'stopped', deadline: null },
          around,
          reason,
          detail,
        );
  return [moved, [...settings, ...said]];
}

function signalMain(service: string, generation: number, signal: SignalName): Effect {
  return { type: 'signal', service, generation, signal, to: 'main' };
}
