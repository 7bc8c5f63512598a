// When to look at the processes of the host: at once for the first who asks, together for all who ask meanwhile, and never
// for more than a fifth of a core.

import type { Millis } from '../../core/model/spec.ts';
import { Alarm, monotonic } from '../../runtime/clock.ts';
import { type Work, workForATurn } from '../proc/turns.ts';

/** After a look that took 1 ms, nobody looks for 4 ms. */
const REST_PER_WORK = 4;

export class ScanPacer implements Disposable {
  readonly #look: (now: Millis) => Work<void>;
  /** Acts on what was seen, outside of the reckoning, and tells when to look again; null: not by itself. */
  readonly #conclude: (now: Millis) => Millis | null;
  readonly #alarm: Alarm;
  #atOnce: NodeJS.Immediate | null = null;
  #alarmAt: Millis | null = null;
  #restUntil: Millis = 0;
  /** What is left of the look under way. */
  #underWay: Work<void> | null = null;
  /** Microseconds of the processor that it took so far. */
  #used = 0;
  /** What is asked for during a look may have come too late for it. */
  #isAskedAgain = false;

  constructor(look: (now: Millis) => Work<void>, conclude: (now: Millis) => Millis | null) {
    this.#look = look;
    this.#conclude = conclude;
    this.#alarm = new Alarm(() => {
      this.#alarmAt = null;
      this.ask();
    });
  }

  /** A look as soon as may be: it begins still in this turn of the event loop when opsd is rested. */
  ask(): void {
    if (this.#underWay) this.#isAskedAgain = true;
    else if (monotonic() < this.#restUntil) this.#setAlarm(this.#restUntil);
    else this.#atOnce ??= setImmediate(() => this.#begin());
  }

  #begin(): void {
    this.#used = 0;
    this.#isAskedAgain = false;
    this.#underWay = this.#look(monotonic());
    this.#goOn(this.#underWay);
  }

  #goOn(work: Work<void>): void {
    // Work is what the processor did: a look in the middle of which opsd was stopped may have taken seconds.
    const before = process.threadCpuUsage();
    const { done } = workForATurn(work);
    const { user, system } = process.threadCpuUsage(before);
    this.#used += user + system;
    this.#atOnce = done ? null : setImmediate(() => this.#goOn(work));
    if (!done) return;
    this.#underWay = null;
    const ended = monotonic();
    this.#restUntil = ended + (this.#used / 1_000) * REST_PER_WORK;
    const wanted = this.#conclude(ended);
    if (wanted !== null) this.#setAlarm(Math.max(wanted, this.#restUntil));
    if (this.#isAskedAgain) this.ask();
  }

  #setAlarm(at: Millis): void {
    if (this.#alarmAt !== null && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    this.#alarm.set(at - monotonic());
  }

  [Symbol.dispose](): void {
    if (this.#atOnce) clearImmediate(this.#atOnce);
    this.#atOnce = null;
    this.#alarm[Symbol.dispose]();
  }
}
