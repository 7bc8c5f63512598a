// Moves the bytes from the FIFO to the log file: as they are or with timestamps, within the kernel if possible.

import { constants as system } from 'node:os';
import type { Clock } from '../../runtime/clock.ts';
import type { Fifo } from '../fifo/fifo.ts';
import type { Kernel } from '../fifo/kernel.ts';
import type { LogFile } from '../log-file/log-file.ts';
import { timestamp } from '../own-log/timestamp.ts';
import { LineStamper, stampedSize } from './line-stamper.ts';
import { isLeft, StampedBatch } from './stamped-batch.ts';

interface ByteCounters {
  /** Bytes that are in the log now. */
  wrote(bytes: number): void;
  /** Bytes that were read and could not be written. */
  lost(bytes: number): void;
}

/** What it works with. */
interface TransferMeans {
  readonly kernel: Kernel | null;
  readonly clock: Clock;
}

const MOST_SPLICED = 1 << 20;
const CHUNK = 65_536;
/** After so many full reads in a row the service writes a flood, and its FIFO gets a larger buffer. */
const FLOOD = 8;

/** Buffers shared by all transfers: nothing stays in them between two calls. */
const chunk = Buffer.allocUnsafeSlow(CHUNK);
let stampedChunk = Buffer.alloc(0);

export class Transfer implements Disposable {
  readonly #fifo: Fifo;
  readonly #file: LogFile;
  readonly #clock: Clock;
  readonly #kernel: Kernel | null;
  readonly #batchPath: string;
  readonly #tally: ByteCounters;
  #stamps = false;
  #stamper: LineStamper | null = null;
  #batch: StampedBatch | null = null;
  #canSplice = true;
  #canBatch = true;
  #fullPipes = 0;

  /** `batchPath`: the file of the StampedBatch. */
  constructor(fifo: Fifo, file: LogFile, { kernel, clock }: TransferMeans, batchPath: string, tally: ByteCounters) {
    this.#fifo = fifo;
    this.#file = file;
    this.#kernel = kernel;
    this.#clock = clock;
    this.#batchPath = batchPath;
    this.#tally = tally;
  }

  get stamps(): boolean {
    return this.#stamps;
  }

  /** Takes effect with the next line. */
  set stamps(wanted: boolean) {
    if (wanted !== this.#stamps) this.#stamper = null;
    this.#stamps = wanted;
  }

  /** Another writer wrote the last byte of the log. */
  forgetLine(): void {
    this.#stamper = null;
  }

  /** Recovers the batch of an opsd that was killed while it stamped. Throws the error of open(2) or write(2). */
  recover(): void {
    if (!isLeft(this.#batchPath)) return;
    this.#batch = new StampedBatch(this.#batchPath);
    this.#batch.recover(this.#file);
  }

  /** Moves at most 1 MiB and returns the bytes taken from the FIFO. Throws the error of write(2). */
  move(): number {
    if (!this.#kernel || !this.#canSplice) return this.#copy();
    const moved = this.#stamps ? this.#stampInBatch() : this.#splice();
    if (moved > 0) return moved;
    if (moved === -system.errno.EAGAIN) return 0;
    // Some file systems do not support splice(2) (EINVAL). For all other errors write(2) reports what is wrong.
    if (moved === -system.errno.EINVAL) this.#canSplice = false;
    return this.#copy();
  }

  #splice(): number {
    if (!this.#kernel) return -system.errno.EINVAL;
    const moved = this.#kernel.splice(this.#fifo.fd, this.#file.fd, this.#file.end, MOST_SPLICED);
    if (moved <= 0) return moved;
    this.#file.grew(moved);
    this.#tally.wrote(moved);
    this.#fullPipes = moved < CHUNK ? 0 : this.#fullPipes + 1;
    if (this.#fullPipes === FLOOD) this.#kernel.growPipe(this.#fifo.fd, MOST_SPLICED);
    return moved;
  }

  #stampInBatch(): number {
    const time = timestamp(this.#clock.unix());
    const { ino, end: offset } = this.#file;
    const length = this.#fillBatch({ ino, offset, column: this.#lineStamper().column, time });
    if (length <= 0 || !this.#batch) return length;
    try {
      this.write(this.#stamped(chunk.subarray(0, length), time));
    } finally {
      this.#batch.done();
    }
    return length;
  }

  /** Without room for a batch opsd copies: output matters more than safety from being killed. */
  #fillBatch(intent: Parameters<StampedBatch['fill']>[2]): number {
    if (!this.#kernel || !this.#canBatch) return -system.errno.ENOSPC;
    try {
      this.#batch ??= new StampedBatch(this.#batchPath);
      return this.#batch.fill(this.#kernel, this.#fifo.fd, intent, chunk);
    } catch {
      this.#canBatch = this.#batch !== null;
      return -system.errno.ENOSPC;
    }
  }

  /** Copies by read(2) and write(2). */
  #copy(): number {
    const { bytes, length } = this.take(CHUNK);
    if (length > 0) this.write(bytes);
    return length;
  }

  /**
   * Reads up to `limit` bytes, at most 64 KiB. `bytes`: the result with timestamps, valid until the next call on any
   * transfer.
   */
  take(limit: number): { readonly bytes: Buffer; readonly length: number } {
    const length = this.#fifo.read(chunk, limit);
    const raw = chunk.subarray(0, length);
    return { length, bytes: length > 0 && this.#stamps ? this.#stamped(raw, timestamp(this.#clock.unix())) : raw };
  }

  /** Appends to the log; bytes that cannot be written are counted as lost. Throws the error of write(2). */
  write(bytes: Buffer): void {
    let left = bytes.length;
    try {
      this.#file.append(bytes, (written) => {
        left -= written;
      });
    } finally {
      if (left < bytes.length) this.#tally.wrote(bytes.length - left);
      if (left > 0) this.#tally.lost(left);
    }
  }

  #stamped(bytes: Buffer, time: string): Buffer {
    if (stampedChunk.length === 0) stampedChunk = Buffer.allocUnsafeSlow(stampedSize(CHUNK));
    return stampedChunk.subarray(0, this.#lineStamper().stamp(bytes, stampedChunk, time));
  }

  #lineStamper(): LineStamper {
    this.#stamper ??= new LineStamper(this.#file.endsWithNewline() ? 0 : 1);
    return this.#stamper;
  }

  [Symbol.dispose](): void {
    this.#batch?.[Symbol.dispose]();
  }
}
