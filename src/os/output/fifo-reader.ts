// Reads one service's FIFO for whoever passes its output on, and keeps the last bytes for `ctl why`.

import type { Fifo } from '../fifo/fifo.ts';
import type { Watch } from '../fifo/poller.ts';
import type { Shared } from './capture.ts';

const chunk = Buffer.allocUnsafeSlow(65_536);
/** Bytes kept for `ctl why`. */
const SHOWN = 4_096;
/** Bytes that are read of what a generation left in its FIFO. */
const MOST_LEFT = 4 << 20;

export class FifoReader implements Disposable {
  readonly #fifo: Fifo;
  readonly #shared: Pick<Shared, 'clock' | 'after'>;
  readonly #watch: Watch;
  #tail: Buffer = Buffer.alloc(0);

  /** `onReadable` returns the number of bytes that it read. */
  constructor(fifo: Fifo, shared: Pick<Shared, 'clock' | 'after' | 'poller'>, onReadable: () => number) {
    this.#fifo = fifo;
    this.#shared = shared;
    this.#watch = shared.poller.watch(fifo.fd, onReadable);
  }

  get tail(): Buffer {
    return this.#tail;
  }

  /** Whether reading hung before: then nothing comes any more. */
  get isAbandoned(): boolean {
    return this.#fifo.isAbandoned;
  }

  /** The user id that the FIFO was made for. */
  get uid(): number {
    return this.#fifo.uid;
  }

  /** Opens the FIFO for a child; the caller closes the descriptor. */
  openForChild(): number {
    return this.#fifo.openForChild();
  }

  /** Reads once and gives `take` what there was. Returns the number of bytes; 0: the FIFO is empty. */
  read(take: (bytes: Buffer) => void): number {
    const began = this.#shared.clock.now();
    const length = this.#fifo.read(chunk);
    if (length > 0) {
      const bytes = Buffer.from(chunk.subarray(0, length));
      this.#tail = Buffer.concat([this.#tail, bytes].map((part) => part.subarray(-SHOWN))).subarray(-SHOWN);
      take(bytes);
    }
    this.#shared.after(began);
    return length;
  }

  /** Repeats `read`, which returns the number of its bytes, until all that a generation left has come. */
  drain(read: () => number): void {
    let left = MOST_LEFT;
    for (let bytes = 1; bytes > 0 && left > 0; left -= bytes) bytes = read();
  }

  pause(): void {
    this.#watch.pause();
  }

  resume(): void {
    this.#watch.resume();
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#fifo[Symbol.dispose]();
  }
}
