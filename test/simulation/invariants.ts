// What holds of the supervisor's state after each step, whatever happened: asserted in every world and every story.

import { strict as assert } from 'node:assert';
import { isGoingDown } from '../../src/core/fleet/ordering.ts';
import type { PendingCommand, Service, State } from '../../src/core/model/state.ts';

const MOST_ORDERS = 30;

export function assertInvariants(state: State, now: number): void {
  const names = state.services.map(({ spec }) => spec.name);
  assert.deepEqual([...state.slots.keys()], names, 'each service has its slot, and nobody else has one');
  for (const [name, slot] of state.slots) assert.equal(names[slot], name, `the slot of ${name}`);
  assertQueue(state);
  for (const service of state.services) assertService(service, state, now);
  const starting = state.services.filter((one) => one.state.name === 'starting' && !one.state.run.isAdopted).length;
  assert.ok(starting <= state.startConcurrency, 'no more starts at a time than start_concurrency');
  assertRollouts(state);
}

function assertQueue({ phase, queue, services }: State): void {
  assert.equal(new Set(queue).size, queue.length, 'nobody waits twice');
  if (phase.name === 'over') return;
  const waiting = services.filter(({ state }) => state.name === 'waiting').map(({ spec }) => spec.name);
  assert.deepEqual([...queue].sort(), waiting.sort(), 'the queue is who waits');
}

function assertService(service: Service, all: State, now: number): void {
  const { phase, generationFloor } = all;
  const { state, spec, orders } = service;
  const isLive = 'run' in state;
  const whose = `${spec.name} (${state.name})`;
  if (isLive) assert.equal(state.run.generation, service.generation, `${whose}: the run is of the last generation`);
  assert.ok(isLive || service.deferred === null, `${whose}: what is held lives`);
  assert.ok(isLive || service.nextSpec === null, `${whose}: a spec waits only for a process to go`);
  assert.ok(isLive || !service.isRemoved, `${whose}: what is removed and gone is forgotten`);
  assert.ok(service.generation >= 0 && generationFloor >= 0);
  assert.ok(service.failuresInARow >= 0 && service.attemptsInARow >= 0);
  assert.ok(orders.length <= MOST_ORDERS, `${whose}: orders do not pile up`);
  const deadline = state.deadline ?? Number.POSITIVE_INFINITY;
  assert.ok(!Number.isNaN(deadline), `${whose}: a deadline that is a time`);
  if (state.name === 'backoff' && phase.name !== 'over') assert.ok(deadline >= now, `${whose}: a backoff that ends`);
  for (const order of orders)
    assert.ok(mayWait(order, service, all), `${whose}: ${order.action} waits and nothing moves`);
}

/** An order waits only where something moves: its service, or the dependents that it is held for, whatever it does itself. */
function mayWait({ action, deferredFrom }: PendingCommand, { state, deferred }: Service, all: State): boolean {
  if (deferredFrom !== null || (deferred !== null && action === 'stop')) return all.services.some(isGoingDown);
  switch (state.name) {
    case 'starting':
    case 'stopping':
    case 'killing':
      return true;
    case 'waiting':
      return !state.isUnsatisfiable;
    case 'running':
      return action === 'run';
    default:
      return false;
  }
}

function assertRollouts({ rollouts }: State): void {
  for (const { group, members, waiting, inProgress, done } of rollouts.values()) {
    const parts = [...waiting, ...inProgress, ...done];
    assert.equal(new Set(parts).size, parts.length, `rollout of ${group}: nobody is in two places`);
    assert.ok(
      parts.every((name) => members.includes(name)),
      `rollout of ${group}: only members take part`,
    );
  }
}
