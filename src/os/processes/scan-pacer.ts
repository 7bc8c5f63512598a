// Paces the process scans: the first request starts one at once, later requests share the next, and all take at most a
// fifth of a core.

import type { Millis } from '../../core/model/spec.ts';
import type { Alarm, Clock } from '../../runtime/clock.ts';
import { type Work, workForATurn } from '../proc/turns.ts';

/** After a scan that took 1 ms of CPU time, none begins for 4 ms. */
const REST_PER_WORK = 4;

export class ScanPacer implements Disposable {
  readonly #scan: (now: Millis) => Work<void>;
  /** Acts on the result of a scan; its CPU time does not count. Returns when the next scan is due; null: none is. */
  readonly #conclude: (now: Millis) => Millis | null;
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  #atOnce: Disposable | null = null;
  #alarmAt: Millis | null = null;
  #restUntil: Millis = 0;
  /** The rest of the scan in progress. */
  #inProgress: Work<void> | null = null;
  /** CPU time of the scan in progress. */
  #cpuTime: Millis = 0;
  /** A scan was requested during the one in progress, which may have passed that process already. */
  #isRequestedAgain = false;

  constructor(scan: (now: Millis) => Work<void>, conclude: (now: Millis) => Millis | null, clock: Clock) {
    this.#clock = clock;
    this.#scan = scan;
    this.#conclude = conclude;
    this.#alarm = clock.alarm(() => {
      this.#alarmAt = null;
      this.request();
    });
  }

  /** Requests a scan: in this turn of the event loop when the pause since the last one is over, else when it ends. */
  request(): void {
    if (this.#inProgress) this.#isRequestedAgain = true;
    else if (this.#clock.now() < this.#restUntil) this.#setAlarm(this.#restUntil);
    else this.#atOnce ??= this.#clock.soon(() => this.#begin());
  }

  #begin(): void {
    this.#cpuTime = 0;
    this.#isRequestedAgain = false;
    this.#inProgress = this.#scan(this.#clock.now());
    this.#goOn(this.#inProgress);
  }

  #goOn(work: Work<void>): void {
    // CPU time, not elapsed time: opsd may have been stopped for seconds in the middle of a scan.
    const before = this.#clock.cpuTime();
    const { done } = workForATurn(work, this.#clock);
    this.#cpuTime += this.#clock.cpuTime() - before;
    this.#atOnce = done ? null : this.#clock.soon(() => this.#goOn(work));
    if (!done) return;
    this.#inProgress = null;
    const ended = this.#clock.now();
    this.#restUntil = ended + this.#cpuTime * REST_PER_WORK;
    const wanted = this.#conclude(ended);
    if (wanted !== null) this.#setAlarm(Math.max(wanted, this.#restUntil));
    if (this.#isRequestedAgain) this.request();
  }

  #setAlarm(at: Millis): void {
    if (this.#alarmAt !== null && this.#alarmAt <= at) return;
    this.#alarmAt = at;
    this.#alarm.set(at - this.#clock.now());
  }

  [Symbol.dispose](): void {
    this.#atOnce?.[Symbol.dispose]();
    this.#atOnce = null;
    this.#alarm[Symbol.dispose]();
  }
}
