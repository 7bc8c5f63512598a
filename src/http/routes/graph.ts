// Who needs whom: which services a stop would leave without what they need, and in which order many are stopped.

import type { GraphView, NodeView } from '../../api/services.ts';
import type { Outcome } from '../../core/model/effects.ts';

/** Live services outside of `names` that need one of them, or one that needs one of them; nearest first. */
export function neededBy(graph: readonly NodeView[], names: readonly string[]): string[] {
  const found: string[] = [];
  const reached = new Set(names);
  for (let next = [...names]; next.length > 0; ) {
    const wanted = new Set(next);
    // A job that has completed may be stopped: nobody needs it any more.
    const isHit = ({ name, state, depends_on }: NodeView) =>
      !reached.has(name) &&
      (state === 'starting' || state === 'running') &&
      depends_on.some(({ service, until }) => until !== 'completed' && wanted.has(service));
    next = graph.filter(isHit).map(({ name }) => name);
    for (const name of next) reached.add(name);
    found.push(...next);
  }
  return found;
}

/** Gives each service its order when those of `names` that come after it have had theirs carried out. */
export function dependentsFirst(
  graph: readonly NodeView[],
  names: readonly string[],
  order: (service: string) => Promise<Outcome>,
): ReadonlyMap<string, Promise<Outcome>> {
  const chosen = new Set(names);
  const dependents = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const node of graph) {
    if (!chosen.has(node.name)) continue;
    for (const earlier of earlierThan(node)) dependents.get(earlier)?.push(node.name);
  }
  const outcomes = new Map<string, Promise<Outcome>>();
  const give = (name: string): Promise<Outcome> => {
    const known = outcomes.get(name);
    if (known !== undefined) return known;
    const first = dependents.get(name) ?? [];
    // Without anybody to wait for it is given now, not a turn of the loop later.
    const outcome = first.length === 0 ? order(name) : Promise.all(first.map(give)).then(() => order(name));
    outcomes.set(name, outcome);
    return outcome;
  };
  for (const name of names) give(name);
  return outcomes;
}

/** `names`, each behind those of them that come after it when they start: dependents first. */
export function inStopOrder(graph: readonly NodeView[], names: readonly string[]): string[] {
  const byName = new Map(graph.map((node) => [node.name, node]));
  const chosen = new Set(names);
  const earlierFirst = new Set<string>();
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (!chosen.has(name) || seen.has(name)) return;
    seen.add(name);
    for (const earlier of earlierThan(byName.get(name))) visit(earlier);
    earlierFirst.add(name);
  };
  for (const name of names) visit(name);
  return [...earlierFirst].reverse();
}

/** The services that are meant and all they need; without any given, all. Roots: where a reader begins. */
export function graphOf(services: readonly NodeView[], names: readonly string[] | null): GraphView {
  if (names === null) {
    const below = new Set(services.flatMap(earlierThan));
    const roots = services.filter(({ name }) => !below.has(name)).map(({ name }) => name);
    return { version: 1, services, roots };
  }
  const byName = new Map(services.map((node) => [node.name, node]));
  const reached = new Set(names);
  for (const name of reached) for (const needed of earlierThan(byName.get(name))) reached.add(needed);
  return { version: 1, services: services.filter(({ name }) => reached.has(name)), roots: names };
}

function earlierThan(node: NodeView | undefined): readonly string[] {
  return node === undefined ? [] : [...node.depends_on.map(({ service }) => service), ...node.after];
}
