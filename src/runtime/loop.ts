// The one loop: it alone changes the state, one event after the other, and sleeps until the earliest deadline.

import type { Effect } from '../core/model/effects.ts';
import type { Event } from '../core/model/events.ts';
import type { Millis } from '../core/model/spec.ts';
import type { State } from '../core/model/state.ts';
import { nextDeadline, step } from '../core/supervisor.ts';
import type { Alarm, Clock } from './clock.ts';

/** A wakeup later than this is no ordinary lag: opsd was stopped (SIGSTOP), or the host suspended or starved. */
const OVERSLEPT: Millis = 1_000;
/** The loop wakes at least this often, so that it notices that opsd was stopped, whatever the deadlines are. */
const LONGEST_SLEEP: Millis = 1_000;
/** More events in the queue are a bug: each service and each request has a handful at most. */
const LONGEST_QUEUE = 1_000_000;

interface LoopPerformer {
  /** Carries out the effects of one event, in order; there may be none. May post events. */
  perform(event: Event, effects: readonly Effect[]): void;
  /** The queue is empty. */
  onIdle(state: State): void;
}

export class Loop implements Disposable {
  #state: State;
  #queue: Event[] = [];
  #isTurning = false;
  #dueAt: Millis;
  #turnedAt: Millis;
  /** null: the loop has not begun. */
  #performer: LoopPerformer | null = null;
  readonly #clock: Clock;
  readonly #alarm: Alarm;

  constructor(state: State, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
    this.#alarm = clock.alarm(() => this.#wake());
    this.#turnedAt = clock.now();
    this.#dueAt = this.#turnedAt;
  }

  /** Starts the loop. Before that events queue up, so that the ports can be built for the first state. */
  begin(performer: LoopPerformer): void {
    this.#performer = performer;
    this.#turn(performer);
  }

  get state(): State {
    return this.#state;
  }

  /** When the loop last went round: it does so every second at the latest. */
  get turnedAt(): Millis {
    return this.#turnedAt;
  }

  /** Queues an event. Unless the loop is at work or has not begun, it is handled, with all that follows, before this returns. */
  post(event: Event): void {
    if (this.#queue.length >= LONGEST_QUEUE) throw new Error(`the loop has ${LONGEST_QUEUE} events waiting`);
    if (this.#performer === null || this.#isTurning) {
      this.#queue.push(event);
      return;
    }
    this.#noticeOversleeping();
    this.#queue.push(event);
    this.#turn(this.#performer);
  }

  /**
   * Deadlines are put off before anything else is handled, whether a timer or news wakes the loop. They move by all the
   * time since the last turn: nothing is due at once, before opsd has heard of the exits of that time.
   */
  #noticeOversleeping(): void {
    const now = this.#clock.now();
    if (now - this.#dueAt > OVERSLEPT) this.#queue.push({ type: 'overslept', gap: now - this.#turnedAt });
  }

  [Symbol.dispose](): void {
    this.#alarm[Symbol.dispose]();
    this.#queue = [];
  }

  #turn(performer: LoopPerformer): void {
    this.#isTurning = true;
    try {
      for (let next = 0; next < this.#queue.length; next += 1) {
        const event = this.#queue[next];
        if (event === undefined) break;
        const [state, effects] = step(this.#state, event, this.#clock.now());
        this.#state = state;
        performer.perform(event, effects);
      }
    } finally {
      this.#queue = [];
      this.#isTurning = false;
    }
    this.#turnedAt = this.#clock.now();
    performer.onIdle(this.#state);
    this.#sleep();
  }

  #wake(): void {
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
