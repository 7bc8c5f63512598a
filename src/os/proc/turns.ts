// Divides long work so that no turn of the event loop is long: it yields where it may be interrupted.

import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';

/** The longest that such work delays everything else that opsd does, such as systemd's watchdog or an API request. */
const BUDGET: Millis = 20;

export type Work<Result> = Generator<void, Result, void>;

/** Does as much of the work as fits into one turn. */
export function workForATurn<Result>(work: Work<Result>, clock: Pick<Clock, 'now'>): IteratorResult<void, Result> {
  const until = clock.now() + BUDGET;
  for (;;) {
    const step = work.next();
    if (step.done || clock.now() >= until) return step;
  }
}

/** Begins the work at once and continues in later turns of the event loop. */
export async function inTurns<Result>(work: Work<Result>, clock: Pick<Clock, 'now' | 'soon'>): Promise<Result> {
  for (;;) {
    const step = workForATurn(work, clock);
    if (step.done) return step.value;
    await new Promise<void>((resolve) => clock.soon(resolve));
  }
}

/** Does all the work in this turn: only before opsd begins to supervise, when nothing can be delayed. */
export function inOneTurn<Result>(work: Work<Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
