// Reads the FIFOs that have data, in turns: a flood from one service delays neither the others nor the event loop.

import type { Millis } from '../../core/model/spec.ts';
import type { Alarm, Clock } from '../../runtime/clock.ts';
import type { Kernel, Poll } from './kernel.ts';

/** Longest time of reading in one turn of the event loop. */
const TURN: Millis = 5;

/** Reads a bounded amount and returns the number of bytes; 0: there was nothing. */
type ReadSome = () => number;

export interface Poller extends Disposable {
  /** Calls `read` when the descriptor is readable, until the watch is paused or disposed. */
  watch(fd: number, read: ReadSome): Watch;
}

export interface Watch extends Disposable {
  pause(): void;
  resume(): void;
}

export function newPoller(kernel: Kernel | null, clock: Clock): Poller {
  try {
    if (kernel) return new EpollPoller(kernel, clock);
  } catch {
    // No descriptor is left for epoll: poll by reading instead.
  }
  return new RoundPoller(clock);
}

class EpollPoller implements Poller {
  readonly #readers = new Map<number, ReadSome>();
  readonly #clock: Clock;
  readonly #poll: Poll;

  constructor(kernel: Kernel, clock: Clock) {
    this.#clock = clock;
    this.#poll = kernel.poll(() => this.#turn());
  }

  /** The kernel returns ready descriptors in turn, and again those that are still readable afterwards. */
  #turn(): void {
    const end = this.#clock.now() + TURN;
    for (const fd of this.#poll.readable()) {
      this.#readers.get(fd)?.();
      if (this.#clock.now() > end) return;
    }
  }

  watch(fd: number, read: ReadSome): Watch {
    const stop = (): void => {
      if (this.#readers.delete(fd)) this.#poll.remove(fd);
    };
    const start = (): void => {
      if (!this.#readers.has(fd)) this.#poll.add(fd);
      this.#readers.set(fd, read);
    };
    start();
    return { pause: stop, resume: start, [Symbol.dispose]: stop };
  }

  [Symbol.dispose](): void {
    this.#poll[Symbol.dispose]();
  }
}

const SHORTEST_PAUSE: Millis = 5;
const LONGEST_PAUSE: Millis = 320;
/** Reads of one descriptor before the next one has its turn. */
const MOST_READS = 16;

interface Visited {
  readonly read: ReadSome;
  pause: Millis;
  due: Millis;
}

/** Without epoll: reads each descriptor in rounds, again at once while data comes, ever less often while none does. */
class RoundPoller implements Poller {
  readonly #visited = new Set<Visited>();
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  #atOnce: Disposable | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#alarm = clock.alarm(() => this.#round());
  }

  watch(_fd: number, read: ReadSome): Watch {
    const visited: Visited = { read, pause: SHORTEST_PAUSE, due: 0 };
    const stop = (): void => {
      this.#visited.delete(visited);
    };
    const start = (): void => {
      visited.due = 0;
      this.#visited.add(visited);
      this.#goOn(0);
    };
    start();
    return { pause: stop, resume: start, [Symbol.dispose]: stop };
  }

  #goOn(wait: Millis): void {
    if (wait > 0) this.#alarm.set(wait);
    else this.#atOnce ??= this.#clock.soon(() => this.#round());
  }

  #round(): void {
    this.#atOnce = null;
    const began = this.#clock.now();
    let next = began + LONGEST_PAUSE;
    for (const visited of [...this.#visited]) {
      if (visited.due <= began && this.#clock.now() < began + TURN) {
        visited.pause = this.#visit(visited) ? 0 : Math.min(Math.max(visited.pause * 2, SHORTEST_PAUSE), LONGEST_PAUSE);
        visited.due = began + visited.pause;
        // To the end of the queue: descriptors that had no turn are first in the next round.
        if (this.#visited.delete(visited)) this.#visited.add(visited);
      }
      next = Math.min(next, visited.due);
    }
    if (this.#visited.size > 0) this.#goOn(next - this.#clock.now());
  }

  #visit({ read }: Visited): boolean {
    let reads = 0;
    while (reads < MOST_READS && read() > 0) reads++;
    return reads > 0;
  }

  [Symbol.dispose](): void {
    this.#visited.clear();
    this.#atOnce?.[Symbol.dispose]();
    this.#alarm[Symbol.dispose]();
  }
}
