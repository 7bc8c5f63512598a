// A clock that only moves when told, and what is to happen when.

import type { Alarm, Clock } from '../../src/runtime/clock.ts';

const MOST_ACTS = 100_000;

interface Due {
  readonly at: number;
  readonly order: number;
  /** A timer of opsd; else something that happens on the host. */
  readonly isTimer: boolean;
  readonly act: () => void;
}

export class Scheduler {
  now = 0;
  /** CPU time of opsd. */
  cpu = 0;
  #count = 0;
  #due: Due[] = [];
  /** The time as opsd is handed it. */
  readonly clock: Clock = {
    now: () => this.now,
    unix: () => this.now,
    wallAt: (instant) => new Date(Math.round(instant)),
    alarm: (ring) => this.#alarm(ring),
    every: (period, task) => this.#every(period, task),
    soon: (task) => this.#soon(task),
    cpuTime: () => this.cpu,
    after: (delay) => new Promise((resolve) => this.#add(Math.max(delay, 0), true, resolve)),
  };

  in(delay: number, act: () => void): void {
    this.#add(delay, false, act);
  }

  /** Time of the next act; null: nothing is to happen. */
  get next(): number | null {
    return this.#earliest()?.at ?? null;
  }

  /** Moves to the next act and lets it happen; `isTimer`: to the next of this kind, if one is due by now. */
  advance(isTimer: boolean | null = null): void {
    const of = this.#due.filter((due) => due.isTimer === isTimer && due.at <= this.now);
    const due = this.#earliest(of.length > 0 ? of : this.#due);
    if (due === undefined) return;
    this.#remove(due);
    this.now = Math.max(this.now, due.at);
    due.act();
  }

  /** opsd works for that long: nothing else happens meanwhile. */
  work(span: number): void {
    this.now += span;
    this.cpu += span;
  }

  /** Lets that much time pass, with turns of the event loop in between for whoever awaits something. */
  async pass(span: number): Promise<void> {
    const end = this.now + span;
    for (;;) {
      await othersTurn();
      const { next } = this;
      if (next === null || next > end) break;
      this.advance();
    }
    this.now = Math.max(this.now, end);
  }

  /** Lets time pass from act to act until the probe is true. Real processes and files may take part. */
  async until(what: string, probe: () => boolean): Promise<void> {
    for (let acts = 0; !probe(); acts += 1) {
      if (acts > MOST_ACTS) throw new Error(`${what}: not after ${acts} acts, at ${this.now} ms of simulated time`);
      await othersTurn();
      if (!probe()) this.advance();
    }
  }

  #soon(task: () => void): Disposable {
    const due = this.#add(0, true, task);
    return { [Symbol.dispose]: () => this.#remove(due) };
  }

  #add(delay: number, isTimer: boolean, act: () => void): Due {
    const due = { at: this.now + delay, order: this.#count++, isTimer, act };
    this.#due.push(due);
    return due;
  }

  #remove(due: Due): void {
    this.#due = this.#due.filter((other) => other !== due);
  }

  #alarm(ring: () => void): Alarm {
    let due: Due | null = null;
    const cancel = () => {
      if (due !== null) this.#remove(due);
      due = null;
    };
    return {
      set: (delay) => {
        cancel();
        due = this.#add(Math.max(delay, 0), true, ring);
      },
      [Symbol.dispose]: cancel,
    };
  }

  #every(period: number, task: () => void): Disposable {
    const alarm = this.#alarm(() => {
      alarm.set(period);
      task();
    });
    alarm.set(period);
    return alarm;
  }

  /** Of what is due already, timers come first, as in libuv; else what is due first, timers before news. */
  #earliest(among: readonly Due[] = this.#due): Due | undefined {
    let first: Due | undefined;
    for (const due of among) if (first === undefined || this.#comesBefore(due, first)) first = due;
    return first;
  }

  #comesBefore(one: Due, other: Due): boolean {
    const [at, otherAt] = [Math.max(one.at, this.now), Math.max(other.at, this.now)];
    if (at !== otherAt) return at < otherAt;
    if (one.isTimer !== other.isTimer) return one.isTimer;
    return one.at !== other.at ? one.at < other.at : one.order < other.order;
  }
}

function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
