// Measures the lag of the event loop, touches opsd's own heartbeat file, and detects a stalled loop.

import type { Millis } from '../../core/model/spec.ts';
import { touch } from '../../os/files/touch.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Loop } from '../../runtime/loop.ts';
import { dateOf } from '../../runtime/wall-time.ts';

const PERIOD: Millis = 1_000;
/** The core's loop turns at least every second: after this time without a turn it counts as stalled. */
const STALLED: Millis = 10_000;
/** new = α·value + (1-α)·old */
const ALPHA = 0.3;

export class Liveness implements Disposable {
  #lag: Millis = 0;
  #expected: Millis;
  readonly #clock: Clock;
  readonly #loop: Pick<Loop, 'turnedAt'>;
  readonly #file: string | null;
  readonly #onBeat: () => void;
  readonly #timer: Disposable;

  /** `onBeat` is called every second while the loop works. */
  constructor(loop: Pick<Loop, 'turnedAt'>, heartbeatFile: string | null, clock: Clock, onBeat: () => void) {
    this.#clock = clock;
    this.#expected = clock.now() + PERIOD;
    this.#loop = loop;
    this.#file = heartbeatFile;
    this.#onBeat = onBeat;
    this.#timer = clock.every(PERIOD, () => this.#beat());
    this.#touch();
  }

  /** Exponentially weighted mean of how late timers are, in seconds. */
  get lagSeconds(): number {
    return this.#lag / 1_000;
  }

  get isStalled(): boolean {
    return this.#clock.now() - this.#loop.turnedAt > STALLED || this.#lag > STALLED;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #beat(): void {
    const now = this.#clock.now();
    this.#lag = ALPHA * Math.max(0, now - this.#expected) + (1 - ALPHA) * this.#lag;
    this.#expected = now + PERIOD;
    if (this.isStalled) return;
    this.#touch();
    this.#onBeat();
  }

  /** A heartbeat file that cannot be written is noticed by its watcher: supervision goes on. */
  #touch(): void {
    if (this.#file === null) return;
    try {
      touch(this.#file, dateOf(this.#clock.unix()));
    } catch {
      return;
    }
  }
}
