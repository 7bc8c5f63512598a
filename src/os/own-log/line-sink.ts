// Writes log lines to a descriptor, which may be full, slow or closed: opsd goes on and counts the lost lines.

import { closeSync, constants, openSync, write, writeSync } from 'node:fs';
import type { Clock } from '../../runtime/clock.ts';

/** Size of the buffer for a slow reader; further lines are dropped. */
const BUFFER_LIMIT = 1 << 20;
/** Milliseconds that the end of opsd waits for a slow reader. */
const END_TIMEOUT = 1_000;
/** Milliseconds until the next try when the pipe is full and non-blocking (EAGAIN). */
const PAUSE = 20;

export class LineSink implements AsyncDisposable {
  readonly #fd: number;
  readonly #clock: Clock;
  readonly #lossLine: (lines: number) => string;
  #lines: string[] = [];
  #size = 0;
  #scheduled = false;
  #writing: { readonly since: number; readonly done: Promise<void> } | null = null;
  #dropped = 0;
  #droppedUntold = 0;

  /** `lossLine` makes the line that says how many lines were lost. */
  constructor(fd: number, clock: Clock, lossLine: (lines: number) => string) {
    this.#fd = fd;
    this.#clock = clock;
    this.#lossLine = lossLine;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Never blocks, never throws. All lines of one turn of the event loop go out in one write. */
  write(line: string): void {
    if (this.#size + line.length > BUFFER_LIMIT) {
      this.#drop(1);
      return;
    }
    this.#lines.push(line);
    this.#size += line.length;
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    this.#clock.soon(() => {
      this.#scheduled = false;
      this.#begin();
    });
  }

  #drop(lines: number): void {
    this.#dropped += lines;
    this.#droppedUntold += lines;
  }

  #take(): { bytes: Buffer; lines: number } {
    const lines = this.#lines.length;
    let text = this.#lines.join('');
    if (this.#droppedUntold > 0) {
      text = this.#lossLine(this.#droppedUntold) + text;
      this.#droppedUntold = 0;
    }
    this.#lines = [];
    this.#size = 0;
    return { bytes: Buffer.from(text), lines };
  }

  #begin(): void {
    if (this.#writing || this.#lines.length === 0) return;
    this.#writing = { since: this.#clock.now(), done: this.#writeAll() };
  }

  async #writeAll(): Promise<void> {
    while (this.#lines.length > 0) {
      const { bytes, lines } = this.#take();
      for (let from = 0; from < bytes.length; ) {
        const written = await writeSome(this.#fd, bytes, from);
        if (written === 'full') await this.#clock.after(PAUSE);
        else if (written === 'broken') {
          this.#drop(lines);
          break;
        } else from += written;
      }
    }
    this.#writing = null;
  }

  /** Writes the last lines of the process at once. Gives up if the reader is stuck. */
  flushNow(): void {
    if (this.#lines.length === 0 || (this.#writing && this.#clock.now() - this.#writing.since > END_TIMEOUT / 10))
      return;
    const { bytes, lines } = this.#take();
    let own = -1;
    try {
      // A file description of our own, which can be non-blocking without changing the one that others share. Sockets
      // cannot be opened this way.
      own = openSync(`/proc/self/fd/${this.#fd}`, constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK);
    } catch {}
    try {
      for (let from = 0; from < bytes.length; ) from += writeSync(own === -1 ? this.#fd : own, bytes, from);
    } catch {
      this.#drop(lines);
    } finally {
      if (own !== -1) closeSync(own);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#begin();
    const end = this.#clock.now() + END_TIMEOUT;
    while (this.#writing && this.#clock.now() < end) await Promise.race([this.#writing.done, this.#clock.after(PAUSE)]);
  }
}

function writeSome(fd: number, bytes: Buffer, from: number): Promise<number | 'full' | 'broken'> {
  return new Promise((resolve) => {
    write(fd, bytes, from, bytes.length - from, null, (error, written) => {
      if (!error) resolve(written);
      else resolve(error.code === 'EAGAIN' ? 'full' : 'broken');
    });
  });
}
