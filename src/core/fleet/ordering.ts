// The order in which services start and stop: dependencies, `after`, and how many may start at the same time.

import { isLive, isWanted, type Obstacle } from '../life/transition.ts';
import type { Dependency } from '../model/spec.ts';
import type { Service, State } from '../model/state.ts';
import { isRestingState } from '../model/states.ts';

export function serviceOf(state: State, name: string): Service | undefined {
  const slot = state.slots.get(name);
  return slot === undefined ? undefined : state.services[slot];
}

/** How many services opsd is starting; adopted ones that are not ready yet do not count. */
export function countStarting(state: State): number {
  let sum = 0;
  for (const service of state.services) if (service.state.name === 'starting' && !service.state.run.isAdopted) sum += 1;
  return sum;
}

/** How many services are being restarted because their health probe failed. */
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
    const obstacle = dependencyObstacle(state, dependency);
    if (obstacle !== null) return obstacle;
  }
  for (const earlier of policy.after) {
    const other = serviceOf(state, earlier);
    if (other !== undefined && isComingUp(other)) {
      return { text: `${earlier} (${other.state.name})`, on: earlier, isUnsatisfiable: false };
    }
  }
  if (countStarting(state) < state.startConcurrency) return null;
  return { text: `its turn (daemon.start_concurrency is ${state.startConcurrency})`, on: null, isUnsatisfiable: false };
}

/**
 * The dependencies of `name` and theirs, deepest first. During a reload some specs are old and some new, so that
 * dependencies can form a circle.
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

/** Dependents of `names` that are up and not among `names`, and theirs; nearest first. */
export function neededBy(state: State, names: readonly string[]): readonly string[] {
  const found: string[] = [];
  const reached = new Set(names);
  for (let next = [...names]; next.length > 0; ) {
    const wanted = new Set(next);
    // A completed job may be stopped: its dependents need it no longer.
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

/** Sorts `names` so that dependents come before their dependencies; otherwise the order stays. */
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

/** Whether a dependent of this service lives, which a shutdown stops first. */
export function isNeeded(state: State, name: string): boolean {
  return state.services.some((other) => isLive(other.state) && comesAfter(other, name));
}

/** Whether a stop or restart of this service is deferred until dependents are gone. */
export function isDeferred({ deferred, orders }: Service): boolean {
  return deferred !== null || orders.some(({ deferredFrom }) => deferredFrom !== null);
}

/** Whether a dependent of this service is going down, or about to. `of`: only these dependents count. */
export function isAwaitingDependents(state: State, name: string, of?: ReadonlySet<string>): boolean {
  return state.services.some(
    (other) =>
      (isDeferred(other) || isGoingDown(other)) && comesAfter(other, name) && (of?.has(other.spec.name) ?? true),
  );
}

/** Whether the service is going down. One that survives SIGKILL does not count, so that nothing waits for it. */
export function isGoingDown({ state }: Service): boolean {
  return state.name === 'stopping' || (state.name === 'killing' && !state.isStuck);
}

function comesAfter(service: Service, name: string): boolean {
  const { dependsOn, after } = service.spec.policy;
  return after.includes(name) || dependsOn.some((dependency) => dependency.service === name);
}

function dependencyObstacle(state: State, { service: name, until }: Dependency): Obstacle | null {
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

function isComingUp(service: Service): boolean {
  const { name } = service.state;
  if (isDeferred(service)) return service.deferred?.to !== 'stopped';
  if (isGoingDown(service) && 'next' in service.state && service.state.next.to === 'start') return true;
  return name === 'waiting' || name === 'starting' || (name === 'stopped' && isWanted(service));
}
