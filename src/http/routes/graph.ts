// Who needs whom: the part of the graph that is drawn.

import type { GraphView, NodeView } from '../../api/services.ts';

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
