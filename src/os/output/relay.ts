// Copies one service's output to where opsd's own goes, with the name of the service in front of each line: for
// `log = "inherit"` and a service of another user, which could not open opsd's stdout by itself (edge case N18), and
// shall not have the terminal that opsd writes to.

import { write } from 'node:fs';
import { isatty } from 'node:tty';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { sanitised } from '../../text/harmless.ts';
import type { Fifo } from '../fifo/fifo.ts';
import type { Shared } from './capture.ts';
import { FifoReader } from './fifo-reader.ts';

const NEWLINE = 0x0a;
/** A longer line is given in pieces. */
const LONGEST_LINE = 65_536;
/** Until the next try when opsd's stdout is full and non-blocking (EAGAIN). */
const PAUSE: Millis = 20;

/** opsd's stdout, to which one write is in progress at a time: a reader that is stuck holds up one thread. */
export class OwnOutput {
  readonly #fd: number;
  readonly #clock: Clock;
  readonly isTerminal: boolean;
  #last: Promise<unknown> = Promise.resolve();

  constructor(fd: number, clock: Clock) {
    this.#fd = fd;
    this.#clock = clock;
    this.isTerminal = isatty(fd);
  }

  /** Resolves to false when the bytes are lost: nobody reads there any more. */
  write(bytes: Buffer): Promise<boolean> {
    const written = this.#last.then(() => this.#writeAll(bytes));
    this.#last = written;
    return written;
  }

  async #writeAll(bytes: Buffer): Promise<boolean> {
    for (let from = 0; from < bytes.length; ) {
      const { promise, resolve } = Promise.withResolvers<number | string>();
      write(this.#fd, bytes, from, bytes.length - from, null, (error, count) => resolve(error?.code ?? count));
      const result = await promise;
      if (result === 'EAGAIN') await this.#clock.after(PAUSE);
      else if (typeof result === 'string') return false;
      else from += result;
    }
    return true;
  }
}

/** While a write is in progress the FIFO is not read: the service waits as it would at opsd's stdout itself. */
export class Relay implements Disposable {
  readonly #service: string;
  readonly #reader: FifoReader;
  readonly #to: OwnOutput;
  readonly #shared: Shared;
  /** The beginning of a line whose end did not come yet. */
  #rest: Buffer = Buffer.alloc(0);
  #lines: Buffer[] = [];
  #writing: Promise<void> | null = null;
  #isOver = false;

  constructor(service: string, fifo: Fifo, to: OwnOutput, shared: Shared) {
    this.#service = service;
    this.#to = to;
    this.#shared = shared;
    this.#reader = new FifoReader(fifo, shared, () => this.#read());
  }

  get tail(): Buffer {
    return this.#reader.tail;
  }

  /** Opens the FIFO for a child; the caller closes the descriptor. */
  openForChild(): number {
    return this.#reader.openForChild();
  }

  #read(): number {
    const length = this.#writing === null ? this.#readOnce() : 0;
    this.#begin();
    return length;
  }

  #readOnce(): number {
    return this.#reader.read((bytes) => this.#take(bytes));
  }

  #take(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let from = 0;
    for (let end = all.indexOf(NEWLINE); end >= 0; end = all.indexOf(NEWLINE, from)) {
      this.#add(all.subarray(from, end));
      from = end + 1;
    }
    this.#rest = Buffer.from(all.subarray(from));
    if (this.#rest.length >= LONGEST_LINE) this.#endLine();
  }

  #add(line: Buffer): void {
    const shown = this.#to.isTerminal ? Buffer.from(sanitised(line.toString())) : line;
    this.#lines.push(Buffer.concat([Buffer.from(`${this.#service} | `), shown, Buffer.of(NEWLINE)]));
  }

  #endLine(): void {
    if (this.#rest.length > 0) this.#add(this.#rest);
    this.#rest = Buffer.alloc(0);
  }

  #begin(): void {
    if (this.#writing !== null || this.#lines.length === 0) return;
    this.#reader.pause();
    this.#writing = this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    while (this.#lines.length > 0) {
      const bytes = Buffer.concat(this.#lines);
      this.#lines = [];
      const isWritten = await this.#to.write(bytes);
      if (isWritten) this.#shared.onBytes(this.#service, bytes.length);
      else this.#shared.onDropped(this.#service, bytes.length);
    }
    this.#writing = null;
    if (!this.#isOver) this.#reader.resume();
  }

  /** A generation has ended: copies all of its output, and ends a last line that has no newline. */
  endGeneration(): void {
    this.#reader.drain(() => this.#readOnce());
    this.#endLine();
    this.#begin();
  }

  /** Before opsd ends: copies what waits. */
  async settle(end: Millis): Promise<void> {
    this.endGeneration();
    this.#isOver = true;
    const left = Math.max(end - this.#shared.clock.now(), 0);
    await Promise.race([this.#writing, this.#shared.clock.after(left)]);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#reader[Symbol.dispose]();
  }
}
