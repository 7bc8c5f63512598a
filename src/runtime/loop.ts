// The one loop: it alone changes the state, one event after the other, and sleeps until the earliest deadline.

import type { Effect } from '../core/model/effects.ts';
import type { Event } from '../core/model/events.ts';
import type { Millis } from '../core/model/spec.ts';
import type { State } from '../core/model/state.ts';
import { nextDeadline, step } from '../core/supervisor.ts';
import type { Alarm, Clock } from './clock.ts';

/** Later than this is no lag any more: the process was stopped, the host suspended or starved. */
const OVERSLEPT: Millis = 1_000;
/** Wake up at least this often, so that being stopped is noticed whatever the deadlines are. */
const LONGEST_SLEEP: Millis = 1_000;
/** More events than this waiting is a bug: each service and each request has a handful at most. */
const LONGEST_QUEUE = 1_000_000;

interface LoopPerformer {
  /** Carries out the effects of one event, in order; there may be none. May post events. */
  perform(event: Event, effects: readonly Effect[]): void;
  /** All events are dealt with, for now. */
  settled(state: State): void;
}

export class Loop implements Disposable {
  #state: State;
  #queue: Event[] = [];
  #isTurning = false;
  #hasBegun = false;
  #dueAt: Millis;
  #turnedAt: Millis;
  readonly #hands: LoopPerformer;
  readonly #clock: Clock;
  readonly #alarm: Alarm;

  constructor(state: State, hands: LoopPerformer, clock: Clock) {
    this.#state = state;
    this.#hands = hands;
    this.#clock = clock;
    this.#alarm = clock.alarm(() => this.#wake());
    this.#turnedAt = clock.now();
    this.#dueAt = this.#turnedAt;
  }

  /** Until then events wait and deadlines pass: whoever starts with a state has to make it true first. */
  begin(): void {
    this.#hasBegun = true;
    this.#turn();
  }

  get state(): State {
    return this.#state;
  }

  /** When the loop last went round: it does so every second at the latest. */
  get turnedAt(): Millis {
    return this.#turnedAt;
  }

  /** Takes an event; it and what follows from it is dealt with before this returns, unless the loop is at work or yet to begin. */
  post(event: Event): void {
    if (this.#queue.length >= LONGEST_QUEUE) throw new Error(`the loop has ${LONGEST_QUEUE} events waiting`);
    this.#queue.push(event);
    if (this.#hasBegun && !this.#isTurning) this.#turn();
  }

  [Symbol.dispose](): void {
    this.#alarm[Symbol.dispose]();
    this.#queue = [];
  }

  #turn(): void {
    this.#isTurning = true;
    try {
      for (let next = 0; next < this.#queue.length; next += 1) {
        const event = this.#queue[next];
        if (event === undefined) break;
        const [state, effects] = step(this.#state, event, this.#clock.now());
        this.#state = state;
        this.#hands.perform(event, effects);
      }
    } finally {
      this.#queue = [];
      this.#isTurning = false;
    }
    this.#turnedAt = this.#clock.now();
    this.#hands.settled(this.#state);
    this.#sleep();
  }

  #wake(): void {
    const late = this.#clock.now() - this.#dueAt;
    if (late > OVERSLEPT) this.post({ type: 'overslept', gap: late });
    this.post({ type: 'tick' });
  }

  #sleep(): void {
    if (this.#state.phase.name === 'over') return this.#alarm[Symbol.dispose]();
    const now = this.#clock.now();
    const deadline = nextDeadline(this.#state) ?? Number.POSITIVE_INFINITY;
    this.#dueAt = Math.min(Math.max(deadline, now), now + LONGEST_SLEEP);
    // A timer may fire up to a millisecond early: round up, so that the deadline has come when it does.
    this.#alarm.set(Math.ceil(this.#dueAt - now));
  }
}
