// Tells in the log whom a shutdown waits for, when it begins and every few seconds until it is over.

import { isLive } from '../../core/life/transition.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { State } from '../../core/model/state.ts';
import type { Log } from '../../os/own-log/logger.ts';
import type { Clock } from '../../runtime/clock.ts';
import { span } from '../../text/quantities.ts';

const INTERVAL: Millis = 5_000;
const MOST_NAMED = 10;

export class ShutdownProgress {
  readonly #log: Log;
  readonly #clock: Clock;
  #timer: Disposable | null = null;
  #state: State | null = null;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** The core has handled all events so far. */
  note(state: State): void {
    this.#state = state;
    const { phase } = state;
    if (phase.name === 'over') {
      this.#timer?.[Symbol.dispose]();
      this.#timer = null;
    } else if (phase.name === 'shutting_down' && this.#timer === null) {
      this.#tell('shutting down; a second signal kills at once');
      this.#timer = this.#clock.every(INTERVAL, () => this.#tell('the shutdown waits for services'));
    }
  }

  #tell(message: string): void {
    if (this.#state?.phase.name !== 'shutting_down') return;
    const { by, deadline, isKilling } = this.#state.phase;
    const now = this.#clock.now();
    const living = this.#state.services.filter(({ state }) => isLive(state));
    const named = living
      .slice(0, MOST_NAMED)
      .map(({ spec, state, since }) => `${spec.name} (${state.name} ${span(now - since)})`);
    if (living.length > MOST_NAMED) named.push(`${living.length - MOST_NAMED} more`);
    const last = isKilling ? 'gives_up_in' : 'kills_in';
    this.#log.info(message, { by, waits_for: named.join(', ') || 'nobody', [last]: span(deadline - now) });
  }
}
