// A descriptor that log lines go to, and that may be full, slow, or gone without anybody noticing but the counter.

import { closeSync, constants, openSync, write, writeSync } from 'node:fs';
import { after, monotonic } from '../../runtime/clock.ts';

/** Lines wait here for a slow reader; more are dropped. */
const BUFFER_LIMIT = 1 << 20;
/** How long the end of the program waits for a slow reader. */
const PATIENCE = 1_000;
/** A full pipe that someone made non-blocking (EAGAIN) is tried again after this. */
const PAUSE = 20;

export class LineSink implements AsyncDisposable {
  readonly #fd: number;
  readonly #lossLine: (lines: number) => string;
  #lines: string[] = [];
  #size = 0;
  #scheduled = false;
  #writing: { readonly since: number; readonly done: Promise<void> } | null = null;
  #dropped = 0;
  #droppedUntold = 0;

  /** `lossLine` makes the line that tells how many lines were lost. */
  constructor(fd: number, lossLine: (lines: number) => string) {
    this.#fd = fd;
    this.#lossLine = lossLine;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Never blocks, never throws. All lines of one turn of the loop go out in one write. */
  write(line: string): void {
    if (this.#size + line.length > BUFFER_LIMIT) {
      this.#drop(1);
      return;
    }
    this.#lines.push(line);
    this.#size += line.length;
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    setImmediate(() => {
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
    this.#writing = { since: monotonic(), done: this.#writeAll() };
  }

  async #writeAll(): Promise<void> {
    while (this.#lines.length > 0) {
      const { bytes, lines } = this.#take();
      for (let from = 0; from < bytes.length; ) {
        const written = await writeSome(this.#fd, bytes, from);
        if (written === 'full') await after(PAUSE);
        else if (written === 'broken') {
          this.#drop(lines);
          break;
        } else from += written;
      }
    }
    this.#writing = null;
  }

  /** For the last lines of the process. Gives up where a reader is stuck instead of hanging with it. */
  flushNow(): void {
    if (this.#lines.length === 0 || (this.#writing && monotonic() - this.#writing.since > PATIENCE / 10)) return;
    const { bytes, lines } = this.#take();
    let own = -1;
    try {
      // A description of our own, which may be non-blocking without changing that of whoever shares ours. Sockets cannot be opened so.
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
    const end = monotonic() + PATIENCE;
    while (this.#writing && monotonic() < end) await Promise.race([this.#writing.done, after(PAUSE)]);
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
