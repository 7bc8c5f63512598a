// Orders that wait for their answers, and the rule that a wish is on disk before its answer is out.

import type { Taken } from '../../api/control.ts';
import type { Outcome } from '../../core/model/effects.ts';
import type { Millis } from '../../core/model/spec.ts';
import { Alarm, monotonic } from '../../runtime/clock.ts';

/** More orders at a time than this are refused: each of 1,000 services can have ten. */
const MOST = 10_000;
/** Saving may take this share of the time at most: a save of 5 ms is followed by one 20 ms later. */
const PACE = 4;

const FULL = {
  ok: false,
  code: 'failed',
  message: `${MOST} orders are waiting already: try again when some are answered`,
} as const;

export class Answers implements Disposable {
  #nextId = 1;
  /** By the number of the order, and the service that is to answer it where there may be many. */
  readonly #waiting = new Map<string, (outcome: Outcome) => void>();
  /** Orders of which it is not known yet who answers them. */
  readonly #untaken = new Map<number, (taken: Taken) => void>();
  #ready: ((isSaved: boolean) => void)[] = [];
  #isScheduled = false;
  #earliest: Millis = 0;
  readonly #save: () => boolean;
  readonly #alarm = new Alarm(() => this.flush());

  /** `save` writes the state down where an answer is about to promise something; false: it could not. */
  constructor(save: () => boolean) {
    this.#save = save;
  }

  /** Calls `order` with a number for it; resolves with its one outcome. */
  ask(order: (id: number) => void): Promise<Outcome> {
    if (this.#isFull) return Promise.resolve(FULL);
    const id = this.#nextId++;
    const outcome = this.#await(String(id));
    order(id);
    return outcome;
  }

  /** The same for an order to many: resolves when it is known who of them answers, or why nobody does. */
  askAll(order: (id: number) => void): Promise<Taken> {
    if (this.#isFull) return Promise.resolve(FULL);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#untaken.set(id, resolve);
      order(id);
    });
  }

  take(id: number, services: readonly string[]): void {
    const answers = services.map((service) => ({ service, outcome: this.#await(`${id} ${service}`) }));
    this.#settle(id, { ok: true, answers });
  }

  refuse(id: number, why: Extract<Taken, { ok: false }>): void {
    this.#settle(id, why);
  }

  #settle(id: number, taken: Taken): void {
    this.#untaken.get(id)?.(taken);
    this.#untaken.delete(id);
  }

  get #isFull(): boolean {
    return this.#waiting.size + this.#untaken.size >= MOST;
  }

  #await(whose: string): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#waiting.set(whose, resolve);
    });
  }

  /** `service`: which of those that answer the order. */
  give(id: number, outcome: Outcome, service: string | null = null): void {
    const own = `${id} ${service}`;
    const whose = this.#waiting.has(own) ? own : String(id);
    const resolve = this.#waiting.get(whose);
    if (resolve === undefined) return;
    this.#waiting.delete(whose);
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
