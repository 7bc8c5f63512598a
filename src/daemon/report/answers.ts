// Orders that wait for their answers, and the rule that a wish is on disk before its answer is out.

import type { Outcome } from '../../core/model/effects.ts';
import type { Millis } from '../../core/model/spec.ts';
import { Alarm, monotonic } from '../../runtime/clock.ts';

/** More orders at a time than this are refused: each of 1,000 services can have ten. */
const MOST = 10_000;
/** Saving may take this share of the time at most: a save of 5 ms is followed by one 20 ms later. */
const PACE = 4;

export class Answers implements Disposable {
  #nextId = 1;
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  #ready: ((isSaved: boolean) => void)[] = [];
  #isScheduled = false;
  #earliest: Millis = 0;
  readonly #save: () => boolean;
  readonly #alarm = new Alarm(() => this.flush());

  /** `save` writes the state down where an answer is about to promise something; false: it could not. */
  constructor(save: () => boolean) {
    this.#save = save;
  }

  /** Calls `order` with a number for it; resolves with its outcome. */
  ask(order: (id: number) => void): Promise<Outcome> {
    if (this.#waiting.size >= MOST) {
      const message = `${MOST} orders are waiting already: try again when some are answered`;
      return Promise.resolve({ ok: false, code: 'failed', message });
    }
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      order(id);
    });
  }

  give(id: number, outcome: Outcome): void {
    const resolve = this.#waiting.get(id);
    if (resolve === undefined) return;
    this.#waiting.delete(id);
    this.#ready.push((isSaved) => resolve(isSaved || !outcome.ok ? outcome : unsaved(outcome)));
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#alarm.set(Math.max(0, this.#earliest - monotonic()));
  }

  /** Saves once for all answers that are ready, then gives them. */
  flush(): void {
    this.#isScheduled = false;
    if (this.#ready.length === 0) return;
    const ready = this.#ready;
    this.#ready = [];
    const before = monotonic();
    const isSaved = this.#save();
    const after = monotonic();
    this.#earliest = after + PACE * (after - before);
    for (const give of ready) give(isSaved);
  }

  [Symbol.dispose](): void {
    this.flush();
    this.#alarm[Symbol.dispose]();
  }
}

/** It is done, but a promise it is not. */
function unsaved({ message }: Outcome): Outcome {
  const remedy = 'look at the disk of the run directory and at the log of opsd';
  const text = `${message}, but that could not be written down: should opsd be killed, the next one does not know; ${remedy}`;
  return { ok: false, code: 'failed', message: text };
}
