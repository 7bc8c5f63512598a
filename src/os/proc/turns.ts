// Divides long work so that no turn of the event loop is long: it yields where it may be interrupted.

import type { Millis } from '../../core/model/spec.ts';
import { monotonic } from '../../runtime/clock.ts';

/** The longest that such work delays everything else that opsd does, such as systemd's watchdog or an API request. */
const BUDGET: Millis = 20;

export type Work<Result> = Generator<void, Result, void>;

/** Does as much of the work as fits into one turn. */
export function workForATurn<Result>(work: Work<Result>): IteratorResult<void, Result> {
  const until = monotonic() + BUDGET;
  for (;;) {
    const step = work.next();
    if (step.done || monotonic() >= until) return step;
  }
}

/** Begins the work at once and continues in later turns of the event loop. */
export async function inTurns<Result>(work: Work<Result>): Promise<Result> {
  for (;;) {
    const step = workForATurn(work);
    if (step.done) return step.value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Does all the work in this turn: only before opsd begins to supervise, when nothing can be delayed. */
export function inOneTurn<Result>(work: Work<Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
