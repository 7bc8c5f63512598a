// Who starts and stops before whom: dependencies, ordering, and how many may start at the same time.

import { isLive, isWanted, type Obstacle } from '../life/transition.ts';
import type { Dependency } from '../model/spec.ts';
import type { Service, State } from '../model/state.ts';
import { isRestingState } from '../model/states.ts';

export function serviceOf(state: State, name: string): Service | undefined {
  const slot = state.slots.get(name);
  return slot === undefined ? undefined : state.services[slot];
}

/** How many services are being started; adopted ones that are not ready yet were started by somebody else. */
export function countStarting(state: State): number {
  let sum = 0;
  for (const service of state.services) if (service.state.name === 'starting' && !service.state.run.isAdopted) sum += 1;
  return sum;
}

/** How many services are on the way down and up again because their health was bad. */
export function countUnhealthyRestarts(state: State): number {
  return state.services.filter(({ state: { name }, lastFailure }) => {
    return lastFailure === 'unhealthy' && name !== 'running' && !isRestingState(name);
  }).length;
}

/** Why `service` may not start at this moment; null: it may. */
export function obstacleOf(state: State, service: Service): Obstacle | null {
  if (state.phase.name !== 'running')
    return { text: 'nothing: opsd is shutting down', on: null, isUnsatisfiable: true };
  const { policy } = service.spec;
  for (const dependency of policy.dependsOn) {
    const obstacle = unmet(state, dependency);
    if (obstacle !== null) return obstacle;
  }
  for (const earlier of policy.after) {
    const other = serviceOf(state, earlier);
    if (other !== undefined && isOnItsWay(other)) {
      return { text: `${earlier} (${other.state.name})`, on: earlier, isUnsatisfiable: false };
    }
  }
  if (countStarting(state) < state.startConcurrency) return null;
  return { text: `its turn (daemon.start_concurrency is ${state.startConcurrency})`, on: null, isUnsatisfiable: false };
}

/**
 * Services that `name` requires, and what those require, the deepest first. While a reload is being carried out some are
 * of the old form and some of the new, and may require each other.
 */
export function needsOf(state: State, name: string): readonly string[] {
  const visited = new Set([name]);
  const found: string[] = [];
  const visit = (service: Service | undefined) => {
    for (const { service: needed } of service?.spec.policy.dependsOn ?? []) {
      if (visited.has(needed)) continue;
      visited.add(needed);
      visit(serviceOf(state, needed));
      found.push(needed);
    }
  };
  visit(serviceOf(state, name));
  return found;
}

/** Services outside of `names` that are up and need one of them, or one that needs one of them; nearest first. */
export function neededBy(state: State, names: readonly string[]): readonly string[] {
  const found: string[] = [];
  const reached = new Set(names);
  for (let next = [...names]; next.length > 0; ) {
    const wanted = new Set(next);
    // A job that has completed may be stopped: nobody needs it any more.
    const needs = ({ spec: { policy } }: Service) =>
      policy.dependsOn.some(({ service, until }) => until !== 'completed' && wanted.has(service));
    const isUp = ({ state: { name } }: Service) => name === 'starting' || name === 'running';
    const hit = state.services.filter((one) => !reached.has(one.spec.name) && isUp(one) && needs(one));
    next = hit.map(({ spec }) => spec.name);
    for (const name of next) reached.add(name);
    found.push(...next);
  }
  return found;
}

/** `names`, each behind those of them that come after it when they start; as they are given otherwise. */
export function dependentsFirst(state: State, names: readonly string[]): readonly string[] {
  const dependents = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const { spec } of state.services) {
    if (!dependents.has(spec.name)) continue;
    const { dependsOn, after } = spec.policy;
    for (const earlier of [...dependsOn.map(({ service }) => service), ...after])
      dependents.get(earlier)?.push(spec.name);
  }
  const inOrder = new Set<string>();
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const dependent of dependents.get(name) ?? []) visit(dependent);
    inOrder.add(name);
  };
  for (const name of names) visit(name);
  return [...inOrder];
}

/** Is there a live service that has to be gone before this one is asked to go? */
export function isNeeded(state: State, name: string): boolean {
  return state.services.some((other) => isLive(other.state) && comesAfter(other, name));
}

/** It is to go down, by an order or a reload, when those that come after it, and go down as well, are gone. */
export function isDeferred({ deferred, orders }: Service): boolean {
  return deferred !== null || orders.some(({ deferredFrom }) => deferredFrom !== null);
}

/** Is something that comes after this one going down, or about to? `of`: of those; without, anything. */
export function isAwaitingDependents(state: State, name: string, of?: ReadonlySet<string>): boolean {
  return state.services.some(
    (other) => (isDeferred(other) || isLeaving(other)) && comesAfter(other, name) && (of?.has(other.spec.name) ?? true),
  );
}

/** Goes down. What survives SIGKILL does not, and is not waited for. */
export function isLeaving({ state }: Service): boolean {
  return state.name === 'stopping' || (state.name === 'killing' && !state.isStuck);
}

function comesAfter(service: Service, name: string): boolean {
  const { dependsOn, after } = service.spec.policy;
  return after.includes(name) || dependsOn.some((dependency) => dependency.service === name);
}

function unmet(state: State, { service: name, until }: Dependency): Obstacle | null {
  const needed = serviceOf(state, name);
  if (needed === undefined) return { text: `${name} (not configured)`, on: null, isUnsatisfiable: true };
  if (isDeferred(needed)) {
    const what = needed.deferred?.to === 'stopped' ? 'stop' : 'restart';
    return { text: `${name} (about to ${what})`, on: name, isUnsatisfiable: false };
  }
  const now = needed.state;
  const isMet =
    until === 'completed'
      ? now.name === 'exited' && needed.lastReason === 'success'
      : now.name === 'running' || (until === 'started' && now.name === 'starting' && now.run.pid !== null);
  if (isMet) return null;
  if (now.name === 'waiting' && now.isUnsatisfiable) {
    return { text: `${name}, which waits for ${now.for}`, on: null, isUnsatisfiable: true };
  }
  const isLost = now.name === 'stopped' || now.name === 'exited' || (now.name === 'failed' && now.deadline === null);
  const isUnsatisfiable = isLost && !(now.name === 'stopped' && isWanted(needed));
  return { text: `${name} (${now.name})`, on: name, isUnsatisfiable };
}

function isOnItsWay(service: Service): boolean {
  const { name } = service.state;
  if (isDeferred(service)) return service.deferred?.to !== 'stopped';
  if (isLeaving(service) && 'next' in service.state && service.state.next.to === 'start') return true;
  return name === 'waiting' || name === 'starting' || (name === 'stopped' && isWanted(service));
}
