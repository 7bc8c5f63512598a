// Reads `depends_on`: a list of services, or a table from service to what it has to reach.

import type { Dependency } from '../../core/model/spec.ts';
import { nearest } from '../../text/nearest.ts';
import type { Reading } from '../../text/units.ts';

export const DEPENDENCY_STATES = ['ready', 'started', 'completed'] as const;

export function readDependencies(input: unknown): Reading<readonly Dependency[]> {
  const expected = 'a list of services, or a table such as { db = "ready", migrate = "completed" }';
  if (Array.isArray(input)) {
    const names = input.filter((name) => typeof name === 'string');
    if (names.length < input.length) return { ok: false, expected };
    return { ok: true, value: [...new Set(names)].map((service) => ({ service, until: 'ready' })) };
  }
  if (typeof input !== 'object' || input === null || Object.getPrototypeOf(input) !== null)
    return { ok: false, expected };
  const found: Dependency[] = [];
  for (const [service, wanted] of Object.entries(input)) {
    const until = DEPENDENCY_STATES.find((state) => state === wanted);
    if (until === undefined) {
      const meant = typeof wanted === 'string' ? nearest(wanted, DEPENDENCY_STATES) : null;
      const hint = meant === null ? '' : `did you mean { ${service} = "${meant}" }?`;
      return { ok: false, expected: '"ready", "started" or "completed" for each service', hint };
    }
    found.push({ service, until });
  }
  return { ok: true, value: found };
}
