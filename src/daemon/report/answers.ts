// Keeps the commands that wait for their outcome, and the rule that the desired state is on disk before the outcome is
// sent.

import type { Taken } from '../../api/control.ts';
import type { Outcome } from '../../core/model/effects.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Alarm, Clock } from '../../runtime/clock.ts';

/** Commands that may wait; more are refused. Each of 1,000 services can have ten. */
const MOST_WAITING = 10_000;
/** After a save, the pause before the next is this many times as long: 20 ms after a save of 5 ms. */
const PACE = 4;

const FULL = {
  ok: false,
  code: 'failed',
  message: `${MOST_WAITING} commands are pending already: try again when some are done`,
} as const;

export class Answers implements Disposable {
  #nextId = 1;
  /** By the number of the command, and the service where many services answer. */
  readonly #waiting = new Map<string, (outcome: Outcome) => void>();
  /** Commands of which it is not known yet which services answer. */
  readonly #unassigned = new Map<number, (taken: Taken) => void>();
  #ready: ((isSaved: boolean) => void)[] = [];
  #isScheduled = false;
  #earliest: Millis = 0;
  readonly #save: () => boolean;
  readonly #clock: Clock;
  readonly #alarm: Alarm;

  /** `save` writes the state file before an outcome is given; false: it could not be written. */
  constructor(save: () => boolean, clock: Clock) {
    this.#save = save;
    this.#clock = clock;
    this.#alarm = clock.alarm(() => this.flush());
  }

  /** Calls `order` with the number of the command; resolves with its outcome. */
  ask(order: (id: number) => void): Promise<Outcome> {
    if (this.#isFull) return Promise.resolve(FULL);
    const id = this.#nextId++;
    const outcome = this.#await(String(id));
    order(id);
    return outcome;
  }

  /** For a command to many services: resolves when it is known which of them answer, or why none does. */
  askAll(order: (id: number) => void): Promise<Taken> {
    if (this.#isFull) return Promise.resolve(FULL);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#unassigned.set(id, resolve);
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
    this.#unassigned.get(id)?.(taken);
    this.#unassigned.delete(id);
  }

  get #isFull(): boolean {
    return this.#waiting.size + this.#unassigned.size >= MOST_WAITING;
  }

  #await(whose: string): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#waiting.set(whose, resolve);
    });
  }

  /** `service`: which of the services that answer the command. */
  give(id: number, outcome: Outcome, service: string | null = null): void {
    const own = `${id} ${service}`;
    const whose = this.#waiting.has(own) ? own : String(id);
    const resolve = this.#waiting.get(whose);
    if (resolve === undefined) return;
    this.#waiting.delete(whose);
    this.#ready.push((isSaved) => resolve(isSaved || !outcome.ok ? outcome : unsaved(outcome)));
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#alarm.set(Math.max(0, this.#earliest - this.#clock.now()));
  }

  /** Saves once for all outcomes that are ready, then gives them. */
  flush(): void {
    this.#isScheduled = false;
    if (this.#ready.length === 0) return;
    const ready = this.#ready;
    this.#ready = [];
    const before = this.#clock.now();
    const isSaved = this.#save();
    const after = this.#clock.now();
    this.#earliest = after + PACE * (after - before);
    for (const give of ready) give(isSaved);
  }

  [Symbol.dispose](): void {
    this.flush();
    this.#alarm[Symbol.dispose]();
  }
}

/** The outcome of a command that was carried out but not saved. */
function unsaved({ message }: Outcome): Outcome {
  const remedy = 'check the disk of the run directory and the log of opsd';
  const text = `${message}, but the state file could not be written: if opsd is killed now, the next opsd does not know of this command; ${remedy}`;
  return { ok: false, code: 'failed', message: text };
}
