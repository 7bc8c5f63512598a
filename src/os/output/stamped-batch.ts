// Keeps output that is being stamped in a file, so that an opsd killed meanwhile neither loses nor repeats it.

import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Kernel } from '../fifo/kernel.ts';
import { makeFolders } from '../files/make-folders.ts';
import type { LogFile } from '../log-file/log-file.ts';
import { TIMESTAMP_LENGTH } from '../own-log/timestamp.ts';
import { leaveMargin } from '../proc/descriptor-margin.ts';
import { LineStamper, stampedSize } from './line-stamper.ts';

/**
 * What the batch becomes in the log: enough to make the same bytes again and to see how many of them are there already.
 */
interface Intent {
  /** Inode number of the log file. */
  readonly ino: number;
  /** Offset in the log at which the stamped bytes begin. */
  readonly offset: number;
  /** Column of the stamper before the batch. */
  readonly column: number;
  readonly time: string;
}

const HEADER = 64;
const MAGIC = 0x6f707362;
const LARGEST_BATCH = 65_536;
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export class StampedBatch implements Disposable {
  readonly #fd: number;
  readonly #header = Buffer.alloc(HEADER);

  /** Throws the error of open(2). */
  constructor(path: string) {
    makeFolders(dirname(path), 0o700);
    this.#fd = leaveMargin(openSync(path, FLAGS, 0o600));
  }

  /**
   * Moves bytes from the FIFO to the batch file and reads them into `into`. Returns their number, or minus the errno.
   */
  fill(kernel: Kernel, fifo: number, intent: Intent, into: Buffer): number {
    this.#header.writeUInt32LE(MAGIC, 0);
    this.#header.writeUInt32LE(intent.column, 4);
    this.#header.writeDoubleLE(intent.ino, 8);
    this.#header.writeDoubleLE(intent.offset, 16);
    this.#header.write(intent.time, 24, TIMESTAMP_LENGTH, 'latin1');
    writeSync(this.#fd, this.#header, 0, HEADER, 0);
    const moved = kernel.splice(fifo, this.#fd, HEADER, LARGEST_BATCH);
    return moved > 0 ? readSync(this.#fd, into, 0, moved, HEADER) : moved;
  }

  /** The whole batch is in the log. */
  done(): void {
    ftruncateSync(this.#fd, HEADER);
  }

  /** Writes the batch of a killed opsd to the log, as far as it is not there. Throws the error of write(2). */
  recover(log: LogFile): void {
    const size = Math.min(fstatSync(this.#fd).size - HEADER, LARGEST_BATCH);
    if (size <= 0 || readSync(this.#fd, this.#header, 0, HEADER, 0) < HEADER) return;
    if (this.#header.readUInt32LE(0) === MAGIC) this.#writeRest(log, size);
    this.done();
  }

  #writeRest(log: LogFile, size: number): void {
    const raw = Buffer.alloc(size);
    readSync(this.#fd, raw, 0, size, HEADER);
    const stamped = Buffer.alloc(stampedSize(size));
    const time = this.#header.toString('latin1', 24, 24 + TIMESTAMP_LENGTH);
    const length = new LineStamper(this.#header.readUInt32LE(4)).stamp(raw, stamped, time);
    log.open();
    log.findEnd();
    const offset = this.#header.readDoubleLE(16);
    let there = 0;
    if (log.isRegular && log.ino === this.#header.readDoubleLE(8) && log.end > offset) {
      const found = log.tail(log.end - offset).subarray(0, length);
      if (found.equals(stamped.subarray(0, found.length))) there = found.length;
    }
    log.append(stamped.subarray(there, length));
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** Whether a killed opsd left a batch. */
export function isLeft(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && found.size > HEADER;
}
