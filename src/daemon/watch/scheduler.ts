// Posts an event when a job comes due, or when a time of it was missed: no opsd ran, the clock jumped, the host slept.

import type { Event } from '../../core/model/events.ts';
import type { Millis, Schedule } from '../../core/model/spec.ts';
import type { State } from '../../core/model/state.ts';
import { nextRun } from '../../os/config/calendar.ts';
import { readHostZone } from '../../os/config/host-zone.ts';
import type { JobHistory } from '../../os/files/job-history.ts';
import type { Clock } from '../../runtime/clock.ts';

const PERIOD: Millis = 500;
/** If the wall clock was set back by more than this, the next times are computed anew. */
const BACKWARDS: Millis = 60_000;
/** A time that was passed by longer ago is missed: opsd was not there, or the clock jumped. */
const LATE: Millis = 60_000;

type Book = Pick<JobHistory, 'lastTimeOf' | 'cameDue'>;

interface ScheduledJob {
  /** Identifies the schedule: a changed schedule has another key. */
  readonly key: string;
  /** Unix milliseconds; null: never. */
  readonly at: number | null;
}

export class JobScheduler implements Disposable {
  readonly #entries = new Map<string, ScheduledJob>();
  readonly #state: () => State;
  readonly #post: (event: Event) => void;
  readonly #book: Book;
  readonly #random: () => number;
  readonly #clock: Clock;
  readonly #timer: Disposable;
  #checkedAt: number;
  /** Of the host, for schedules without one of their own. */
  #zone: string;

  constructor(state: () => State, post: (event: Event) => void, book: Book, random: () => number, clock: Clock) {
    this.#zone = readHostZone();
    this.#state = state;
    this.#post = post;
    this.#book = book;
    this.#random = random;
    this.#clock = clock;
    this.#checkedAt = clock.unix();
    this.#timer = clock.every(PERIOD, () => this.look());
  }

  /** Unix milliseconds of the next time of a job; null: it has none. */
  nextOf(service: string): number | null {
    return this.#entries.get(service)?.at ?? null;
  }

  /** The time zone of the host may have changed. */
  reread(): void {
    this.#zone = readHostZone();
    this.look();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  /** Posts the jobs that came due since the last check. */
  look(): void {
    const now = this.#clock.unix();
    if (now < this.#checkedAt - BACKWARDS) this.#entries.clear();
    this.#checkedAt = now;
    const names = new Set<string>();
    for (const { spec } of this.#state().services) {
      const { schedule } = spec.policy;
      if (schedule === null) continue;
      names.add(spec.name);
      this.#plan(spec.name, schedule, now);
    }
    for (const name of this.#entries.keys()) if (!names.has(name)) this.#entries.delete(name);
  }

  #plan(name: string, schedule: Schedule, now: number): void {
    const key = JSON.stringify([schedule, schedule.timezone ?? this.#zone]);
    const known = this.#entries.get(name);
    if (known?.key !== key) {
      const last = schedule.catchUp ? this.#book.lastTimeOf(name) : null;
      // From the last time on: missed times come due at once, but only once for all of them. `min`: a wrong clock may
      // have written a time in the future, until which the job would not run.
      this.#entries.set(name, { key, at: this.#nextAfter(schedule, Math.min(last ?? now, now)) });
      return;
    }
    if (known.at === null || known.at > now) return;
    this.#entries.set(name, { key, at: this.#nextAfter(schedule, now) });
    const isMissed = now - known.at > LATE;
    if (isMissed && this.#ranSince(name, schedule, now)) return;
    this.#book.cameDue(name, now);
    this.#post({ type: 'scheduled', service: name, isMissed });
  }

  /** The clock was wrong until now: by the right one no time was missed since the job came due last. */
  #ranSince(name: string, schedule: Schedule, now: number): boolean {
    const last = this.#book.lastTimeOf(name);
    return last !== null && last <= now && (nextRun(schedule, last) ?? Number.POSITIVE_INFINITY) > now;
  }

  #nextAfter(schedule: Schedule, after: number): number | null {
    const next = nextRun(schedule, after);
    return next === null ? null : next + Math.floor(this.#random() * schedule.randomDelay);
  }
}
