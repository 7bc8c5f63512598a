// When to look at the processes of the host: at once for the first who asks, together for all who ask meanwhile, and never
// for more than a fifth of a core.

import type { Millis } from '../../core/model/spec.ts';
import { Alarm, monotonic } from '../../runtime/clock.ts';

/** After a look that took 1 ms, nobody looks for 4 ms. */
const REST_PER_WORK = 4;

export class Looks implements Disposable {
  readonly #look: (now: Millis) => void;
  /** Acts on what was seen, outside of the reckoning, and tells when to look again; null: not by itself. */
  readonly #conclude: (now: Millis) => Millis | null;
  readonly #alarm: Alarm;
  #atOnce: NodeJS.Immediate | null = null;
  #alarmAt: Millis | null = null;
  #restUntil: Millis = 0;

  constructor(look: (now: Millis) => void, conclude: (now: Millis) => Millis | null) {
    this.#look = look;
    this.#conclude = conclude;
    this.#alarm = new Alarm(() => {
      this.#alarmAt = null;
      if (monotonic() < this.#restUntil) this.#setAlarm(this.#restUntil);
      else this.#run();
    });
  }

  /** A look as soon as may be: still in this turn of the event loop when opsd is rested. */
  ask(): void {
    if (this.#atOnce) return;
    if (monotonic() >= this.#restUntil) this.#atOnce = setImmediate(() => this.#run());
    else this.#setAlarm(this.#restUntil);
  }

  #run(): void {
    if (this.#atOnce) clearImmediate(this.#atOnce);
    this.#atOnce = null;
    // Work is what the processor did: a look in the middle of which opsd was stopped may have taken seconds.
    const before = process.threadCpuUsage();
    this.#look(monotonic());
    const { user, system } = process.threadCpuUsage(before);
    const ended = monotonic();
    this.#restUntil = ended + ((user + system) / 1_000) * REST_PER_WORK;
    const wanted = this.#conclude(ended);
    if (wanted !== null) this.#setAlarm(Math.max(wanted, this.#restUntil));
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
