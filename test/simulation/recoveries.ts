// An oracle for recoveries: who came to backoff or failed, and was ready for stable_after since, is told of once.

import { strict as assert } from 'node:assert';
import type { Simulation } from './simulation.ts';

export class Recoveries {
  readonly #troubled = new Set<string>();
  #seen = 0;

  /** After each step. */
  check(simulation: Simulation): void {
    const news = simulation.effects.slice(this.#seen);
    this.#seen = simulation.effects.length;
    for (const { what } of news) {
      if (what.type === 'transition' && (what.to === 'backoff' || what.to === 'failed'))
        this.#troubled.add(what.service);
      // It may have been forgotten by an opsd that found another configuration.
      if (what.type === 'settings' && !simulation.state.slots.has(what.service)) this.#troubled.delete(what.service);
      if (what.type !== 'recovered') continue;
      const upFor = upForOf(simulation, what.service);
      assert.ok(this.#troubled.delete(what.service), `${what.service} recovered from nothing`);
      assert.ok(upFor !== null && upFor >= 0, `${what.service} recovered, and was not ready for stable_after`);
    }
  }

  /** The next opsd begins, and knows what was written down. */
  crash(hasMemory: boolean): void {
    if (!hasMemory) this.#troubled.clear();
  }

  /** When all that was due has happened. */
  checkAllTold(simulation: Simulation): void {
    for (const service of this.#troubled) {
      const upFor = upForOf(simulation, service);
      assert.ok(upFor === null || upFor <= 0, `${service} has recovered, and nobody was told`);
    }
  }
}

/** How much longer than `stable_after` it has been ready; null: it is not running. */
function upForOf({ state, now }: Simulation, service: string): number | null {
  const known = state.services[state.slots.get(service) ?? -1];
  if (known?.state.name !== 'running' || known.state.run.readyAt === null) return null;
  return now - known.state.run.readyAt - known.spec.policy.stableAfter;
}
