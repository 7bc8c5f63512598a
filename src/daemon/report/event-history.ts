// The event history: keeps the last transitions, and passes each new one to its listeners.

import type { EventView } from '../../api/events.ts';
import type { ExitView } from '../../api/services.ts';
import type { Transition } from '../../core/model/effects.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Exit } from '../../core/model/state.ts';
import type { Clock } from '../../runtime/clock.ts';
import { dateOf } from '../../runtime/wall-time.ts';

const KEPT = 1_000;

export class EventHistory {
  readonly #clock: Clock;
  #lastId = 0;
  readonly #kept: EventView[] = [];
  readonly #listeners = new Set<(event: EventView) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(transition: Transition): void {
    this.#lastId += 1;
    const event: EventView = {
      id: this.#lastId,
      at: dateOf(this.#clock.unix()).toISOString(),
      service: transition.service,
      from: transition.from,
      to: transition.to,
      generation: transition.generation,
      pid: transition.pid,
      reason: transition.reason,
      detail: transition.detail,
      exit: viewExit(transition.exit),
      failures_in_a_row: transition.failuresInARow,
      next_attempt_at: isoOrNull(transition.nextAttemptAt, this.#clock),
    };
    // Dropping a tenth at a time keeps this cheap.
    if (this.#kept.length >= KEPT * 1.1) this.#kept.splice(0, this.#kept.length - KEPT + 1);
    this.#kept.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  recent(): readonly EventView[] {
    return this.#kept.slice(-KEPT);
  }

  listen(listener: (event: EventView) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}

export function viewExit(exit: Exit | null): ExitView | null {
  return exit === null ? null : { code: exit.code, signal: exit.signal };
}

export function isoOrNull(instant: Millis | null, clock: Pick<Clock, 'wallAt'>): string | null {
  return instant === null ? null : clock.wallAt(instant).toISOString();
}
