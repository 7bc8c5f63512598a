// The clocks of the host: the only file that reads them. Only the composition root hands them in.

import type { Millis } from '../core/model/spec.ts';
import type { Alarm, Clock } from './clock.ts';

/** The two clocks are read one after the other. A smaller difference comes from that, a larger one means that the wall clock was set. */
const CLOCK_STEP: Millis = 100;
/** setTimeout fires at once for 2^31 ms and more (edge case N6); no wait here is longer than this. */
const LONGEST_TIMER: Millis = 2 ** 31 - 1;

class SystemAlarm implements Alarm {
  readonly #ring: () => void;
  #handle: NodeJS.Timeout | null = null;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  set(delay: Millis): void {
    if (this.#handle) clearTimeout(this.#handle);
    this.#handle = setTimeout(this.#ring, Math.min(Math.max(delay, 0), LONGEST_TIMER));
  }

  [Symbol.dispose](): void {
    if (this.#handle) clearTimeout(this.#handle);
    this.#handle = null;
  }
}

class SystemClock implements Clock {
  /** When this boot began, on the wall clock. */
  #bootedAt = Date.now() - this.now();

  now(): Millis {
    return Number(process.hrtime.bigint()) / 1e6;
  }

  unix(): number {
    return Date.now();
  }

  wallAt(instant: Millis): Date {
    const bootedAt = Date.now() - this.now();
    if (Math.abs(bootedAt - this.#bootedAt) > CLOCK_STEP) this.#bootedAt = bootedAt;
    return new Date(Math.round(this.#bootedAt + instant));
  }

  alarm(ring: () => void): Alarm {
    return new SystemAlarm(ring);
  }

  every(period: Millis, task: () => void): Disposable {
    const handle = setInterval(task, Math.min(period, LONGEST_TIMER));
    handle.unref();
    return { [Symbol.dispose]: () => clearInterval(handle) };
  }

  soon(task: () => void): Disposable {
    const handle = setImmediate(task);
    return { [Symbol.dispose]: () => clearImmediate(handle) };
  }

  cpuTime(): Millis {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  }

  after(delay: Millis): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, Math.min(delay, LONGEST_TIMER)));
  }
}

export const systemClock: Clock = new SystemClock();
