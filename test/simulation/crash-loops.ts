// An oracle for crash loops: whatever ends again and again is told of, and no pause is longer than retry_failed.

import { strict as assert } from 'node:assert';
import type { Transition } from '../../src/core/model/effects.ts';
import type { Event } from '../../src/core/model/events.ts';
import { isLiveState, type Reason } from '../../src/core/model/states.ts';
import type { Simulation } from './simulation.ts';

/** Starts that continue the loop; all others begin anew. */
const GOES_ON = new Set<Reason>(['backoff', 'retry', 'dependency', 'exit_code', 'ended_early', 'leftovers', 'adopted']);

interface Loop {
  readyAt: number | null;
  /** When the run stopped to be up. */
  endedAt: number | null;
  /** Ends in a row after less than `stable_after`. */
  ends: number;
}

function withNeeds({ state }: Simulation, services: readonly string[]): ReadonlySet<string> {
  const all = new Set(services);
  for (const each of all) {
    const policy = state.services[state.slots.get(each) ?? -1]?.spec.policy;
    for (const { service } of policy?.dependsOn ?? []) all.add(service);
  }
  return all;
}

export class CrashLoops {
  readonly #loops = new Map<string, Loop>();
  #seen = 0;

  /** After each step. */
  check(simulation: Simulation, event: Event): void {
    // What an operator resets or starts, and what that needs, begins anew.
    if (event.type === 'order' && event.action !== 'stop' && event.action !== 'signal') {
      for (const each of withNeeds(simulation, event.services)) {
        const known = this.#loops.get(each);
        if (known !== undefined) known.ends = 0;
      }
    }
    const news = simulation.transitions.slice(this.#seen);
    this.#seen = simulation.transitions.length;
    for (const { at, what } of news) this.#note(simulation, at, what);
  }

  /** Another opsd begins: when it saw what end is another question. */
  crash(): void {
    this.#loops.clear();
  }

  #note({ state }: Simulation, at: number, { service, from, to, reason, nextAttemptAt, failuresInARow }: Transition) {
    const known = this.#loops.get(service) ?? { readyAt: null, endedAt: null, ends: 0 };
    this.#loops.set(service, known);
    if (to === 'stopped' || (to === 'starting' && !GOES_ON.has(reason))) known.ends = 0;
    if (to === 'starting') known.readyAt = null;
    if (to === 'running') known.readyAt = at;
    if (to === 'starting' || to === 'running') known.endedAt = null;
    else if (isLiveState(from)) known.endedAt ??= at;
    const policy = state.services[state.slots.get(service) ?? -1]?.spec.policy;
    if (policy === undefined || (to !== 'backoff' && to !== 'failed')) return;
    if (to === 'failed') {
      const pause = (nextAttemptAt ?? at) - at;
      assert.ok(pause <= policy.retryFailed + 1e-6, `${service} pauses for ${pause} ms`);
      return;
    }
    const upFor = known.readyAt === null ? 0 : (known.endedAt ?? at) - known.readyAt;
    const isStable = known.readyAt !== null && upFor >= policy.stableAfter;
    // A spawn that failed for want of room is no failure.
    if (reason === 'spawn_failed') return;
    known.ends = isStable ? 0 : known.ends + 1;
    assert.ok(isStable || failuresInARow > 0, `${service} was up for ${upFor} ms, and that is no failure (${reason})`);
    assert.ok(known.ends <= policy.maxFailures, `${service} ended ${known.ends} times in a row, and nobody was told`);
  }
}
