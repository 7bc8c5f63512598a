// Two services, one of which needs the other: what either is told, waits for and gives to do, in every state of the other.

import { obstacleOf } from '../../src/core/fleet/ordering.ts';
import type { Event } from '../../src/core/model/events.ts';
import { initialState, newService } from '../../src/core/model/initial.ts';
import type { Dependency, Policy } from '../../src/core/model/spec.ts';
import type { Service, ServiceState, State } from '../../src/core/model/state.ts';
import { STATES } from '../../src/core/model/states.ts';
import { step } from '../../src/core/supervisor.ts';
import { aService } from '../simulation/specs.ts';
import type { Entry } from '../support/book.ts';
import { everyState, NOW } from './everything.ts';
import { tell } from './tell.ts';

const order = { id: 1, by: 'test' };
const stopped = { to: 'stopped', reason: 'operator', detail: 'stop' } as const;
const restarted = { to: 'start', reason: 'operator', detail: 'restart' } as const;

/** What may be so of a service beside its state. */
const CIRCUMSTANCES: Readonly<Record<string, Partial<Service>>> = {
  '': {},
  'to be down': { desired: 'down' },
  'to be up': { desired: 'up' },
  'its last run a success': { lastReason: 'success' },
  'unhealthy before': { lastFailure: 'unhealthy' },
  'about to stop': { deferred: stopped },
  'about to restart': { deferred: restarted },
  'about to stop, with a new spec': { deferred: stopped, nextSpec: aService('db', {}, 2) },
  'a restart of an operator waits': { orders: [{ id: 9, action: 'restart', deferredFrom: 'somebody' }] },
  removed: { isRemoved: true },
};

const EVENTS: Readonly<Record<string, Event>> = {
  'start web': { type: 'order', action: 'start', services: ['web'], ...order },
  'restart web': { type: 'order', action: 'restart', services: ['web'], ...order },
  'stop web': { type: 'order', action: 'stop', cascade: false, services: ['web'], ...order },
  'start db': { type: 'order', action: 'start', services: ['db'], ...order },
  'stop db': { type: 'order', action: 'stop', cascade: false, services: ['db'], ...order },
  'stop db --cascade': { type: 'order', action: 'stop', cascade: true, services: ['db'], ...order },
  'restart db': { type: 'order', action: 'restart', services: ['db'], ...order },
  'restart both': { type: 'order', action: 'restart', services: ['db', 'web'], ...order },
  'a deadline': { type: 'tick' },
  shutdown: { type: 'shutdown', by: 'test' },
  'the tree of db is empty': { type: 'tree_exited', service: 'db', generation: 7 },
};

/** By `needs`: what of db is waited for. */
const NEEDS: Readonly<Record<string, Partial<Policy>>> = {
  ...Object.fromEntries(
    (['ready', 'started', 'completed'] satisfies Dependency['until'][]).map((until) => [
      `db ${until}`,
      { dependsOn: [{ service: 'db', until }], onDependencyRestart: 'restart' as const },
    ]),
  ),
  'after db': { after: ['db'] },
};

export function needs(): readonly Entry[] {
  const waits = Object.entries(NEEDS).map(([what, policy]) => ({
    title: `web starts, which needs ${what}`,
    tell: () => grouped(cases().map(([name, db]) => [name, obstacleTo(policy, db)])),
  }));
  const orders = Object.entries(EVENTS).map(([name, event]) => ({
    title: `${name}: web needs db`,
    tell: () => grouped(pairs().map(([names, state]) => [names, outcome(state, event)])),
  }));
  const ends = (['never', 'all-exited'] as const).map((exitWhen) => ({
    title: `exit_when = ${exitWhen}: when opsd ends by itself`,
    tell: () => grouped(cases().map(([name, db]) => [name, endWith(db, exitWhen)])),
  }));
  return [...waits, ...orders, ...ends];
}

/** The same outcome once, with the cases that have it. */
function grouped(told: readonly (readonly [name: string, outcome: string])[]): string {
  const groups = Map.groupBy(told, ([, outcome]) => outcome);
  return [...groups].map(([outcome, of]) => `  ${of.map(([name]) => name).join('; ')}\n${outcome}`).join('\n');
}

function cases(): readonly (readonly [name: string, db: Service])[] {
  return STATES.flatMap((from) =>
    variantsOf(from).flatMap(([name, state]) =>
      Object.entries(CIRCUMSTANCES).map(([circumstance, changes]) => {
        const db = { ...newService(aService('db'), 7, NOW - 100), state, ...changes };
        return [circumstance === '' ? name : `${name}, ${circumstance}`, db] as const;
      }),
    ),
  );
}

/** The first of each kind of a state: those that others can tell apart. */
function variantsOf(from: (typeof STATES)[number]): readonly (readonly [name: string, state: ServiceState])[] {
  const [first, second] = everyState(from);
  if (first === undefined) return [];
  if (first.name === 'waiting')
    return [
      [from, first],
      ['waiting for good', { ...first, isUnsatisfiable: true }],
    ];
  if (first.name === 'failed')
    return [
      [from, first],
      ['failed for good', { ...first, deadline: null }],
    ];
  if (first.name === 'starting' && second !== undefined)
    return [
      [from, first],
      ['starting, not spawned', second],
    ];
  if (first.name === 'stopping') {
    return [
      [from, first],
      ['stopping to start', { ...first, next: restarted }],
    ];
  }
  if (first.name === 'killing')
    return [
      [from, first],
      ['stuck', { ...first, isStuck: true }],
    ];
  return [[from, first]];
}

function obstacleTo(policy: Partial<Policy>, db: Service): string {
  const web = newService(aService('web', policy), 7, NOW);
  const obstacle = obstacleOf(stateOf([db, web]), web);
  if (obstacle === null) return '    may start';
  return `    waits for ${obstacle.text}${obstacle.isUnsatisfiable ? ', in vain' : ''}${obstacle.on === null ? '' : `, and hears of ${obstacle.on}`}`;
}

/** web in each state, db in each. */
function pairs(): readonly (readonly [names: string, state: State])[] {
  return STATES.flatMap((name) =>
    variantsOf(name).flatMap(([of, state]) =>
      (['stopped', 'running', 'waiting', 'stopping'] as const).map((other) => {
        const web = {
          ...newService(aService('web', NEEDS['db ready']), 7, NOW - 100),
          state: everyState(other)[0] ?? state,
        };
        const db = { ...newService(aService('db'), 7, NOW - 100), state };
        return [`db ${of}, web ${other}`, stateOf([db, web])] as const;
      }),
    ),
  );
}

function outcome(state: State, event: Event): string {
  const [after, effects] = step(state, event, NOW);
  const ends = after.services.map(({ spec, state: now, desired, deferred }) => {
    const then = deferred === null ? '' : `, then ${deferred.to}`;
    return `${spec.name} ${now.name}${desired === null ? '' : `, to be ${desired}`}${then}`;
  });
  return [...effects.flatMap(tell), ends.join('; '), after.phase.name].map((line) => `    ${line}`).join('\n');
}

/** Something else has moved in this step: a third one, which is at rest for good. */
function endWith(db: Service, exitWhen: State['exitWhen']): string {
  const other: Service = {
    ...newService(aService('other', { restart: 'never' }), 7, NOW - 100),
    state: everyState('running')[0] ?? { name: 'stopped', deadline: null },
  };
  const exit = { code: 0, signal: null, oom: false };
  const state = { ...stateOf([db, other]), exitWhen };
  const [after, effects] = step(state, { type: 'exited', service: 'other', generation: 7, exit, left: 0 }, NOW);
  const told = effects.filter(({ type }) => type === 'exit').flatMap(tell);
  const code = after.phase.name === 'shutting_down' ? ` with ${after.phase.code}` : '';
  return `    ${[`${after.phase.name}${code}`, ...told].join(', ')}`;
}

function stateOf(services: readonly Service[]): State {
  return {
    ...initialState(1),
    startConcurrency: 8,
    shutdownTimeout: 30_000,
    services,
    slots: new Map(services.map(({ spec }, slot) => [spec.name, slot])),
    queue: services.filter(({ state }) => state.name === 'waiting').map(({ spec }) => spec.name),
  };
}
