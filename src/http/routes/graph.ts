// The part of the dependency graph that a request asks for.

import type { GraphView, NodeView } from '../../api/services.ts';

/** The named services and all their dependencies; null: all services. Roots: the services to begin a drawing with. */
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
