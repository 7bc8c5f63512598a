// Work of unknown length in pieces, so that no turn of the event loop is long: it yields where it may be interrupted.

import type { Millis } from '../../core/model/spec.ts';
import { monotonic } from '../../runtime/clock.ts';

/** Whoever waits for opsd meanwhile, such as systemd's watchdog or a health probe, waits no longer than that. */
const BUDGET: Millis = 20;

export type Work<Result> = Generator<void, Result, void>;

/** As much of it as one turn may take. */
export function workForATurn<Result>(work: Work<Result>): IteratorResult<void, Result> {
  const until = monotonic() + BUDGET;
  for (;;) {
    const step = work.next();
    if (step.done || monotonic() >= until) return step;
  }
}

/** Begins at once, and goes on in later turns. */
export async function inTurns<Result>(work: Work<Result>): Promise<Result> {
  for (;;) {
    const step = workForATurn(work);
    if (step.done) return step.value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Where nobody waits for opsd: before it begins to supervise. */
export function inOneTurn<Result>(work: Work<Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
