// Which FIFOs have something to read, and whose turn it is: a flood from one service delays neither the others nor the loop.

import type { Millis } from '../../core/spec.ts';
import { Alarm, monotonic } from '../../runtime/clock.ts';
import type { Kernel, Poll } from './kernel.ts';

/** Longer than this at a stretch the loop is not kept from its other work. */
const TURN: Millis = 5;

/** Reads some, a bounded amount, and tells how many bytes; 0: there was nothing. */
export type Reader = () => number;

export interface Readiness extends Disposable {
  /** `read` is called when the descriptor is readable, until the watch is paused or disposed. */
  watch(fd: number, read: Reader): Watch;
}

export interface Watch extends Disposable {
  pause(): void;
  resume(): void;
}

export function watchReadiness(kernel: Kernel | null): Readiness {
  return kernel ? new KernelReadiness(kernel) : new Rounds();
}

class KernelReadiness implements Readiness {
  readonly #readers = new Map<number, Reader>();
  readonly #poll: Poll;

  constructor(kernel: Kernel) {
    this.#poll = kernel.poll(() => this.#turn());
  }

  /** The kernel gives ready ones in turn, and tells again of those that are still readable afterwards. */
  #turn(): void {
    const end = monotonic() + TURN;
    for (const fd of this.#poll.readable()) {
      this.#readers.get(fd)?.();
      if (monotonic() > end) return;
    }
  }

  watch(fd: number, read: Reader): Watch {
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

const SHORTEST_ROUND: Millis = 5;
const LONGEST_ROUND: Millis = 320;

interface Visited {
  readonly read: Reader;
  pause: Millis;
  due: Millis;
}

/** Without the kernel's help: each is tried, often while something comes, seldom while nothing does. */
class Rounds implements Readiness {
  readonly #visited = new Set<Visited>();
  readonly #alarm = new Alarm(() => this.#round());

  watch(_fd: number, read: Reader): Watch {
    const visited: Visited = { read, pause: SHORTEST_ROUND, due: 0 };
    const stop = (): void => {
      this.#visited.delete(visited);
    };
    const start = (): void => {
      this.#visited.add(visited);
      this.#alarm.set(0);
    };
    start();
    return { pause: stop, resume: start, [Symbol.dispose]: stop };
  }

  #round(): void {
    const began = monotonic();
    let next = began + LONGEST_ROUND;
    for (const visited of [...this.#visited]) {
      if (visited.due <= began && monotonic() < began + TURN) {
        visited.pause = visited.read() > 0 ? 0 : Math.min(Math.max(visited.pause * 2, SHORTEST_ROUND), LONGEST_ROUND);
        visited.due = began + visited.pause;
        // To the end of the line: whoever was not reached this time is first the next time.
        if (this.#visited.delete(visited)) this.#visited.add(visited);
      }
      next = Math.min(next, visited.due);
    }
    if (this.#visited.size > 0) this.#alarm.set(Math.max(next - monotonic(), 0));
  }

  [Symbol.dispose](): void {
    this.#visited.clear();
    this.#alarm[Symbol.dispose]();
  }
}
