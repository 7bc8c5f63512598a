// Copies one service's output to its log: at once, in the background (slow disk), or not at all, counting the lost
// bytes (failing disk); completes broken lines.

import type { Millis } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Fifo } from '../fifo/fifo.ts';
import type { Kernel } from '../fifo/kernel.ts';
import type { Poller, Watch } from '../fifo/poller.ts';
import { type Slots, type Written, writeLate } from '../log-file/late-writer.ts';
import type { LogFile } from '../log-file/log-file.ts';
import { remedyFor } from '../log-file/remedies.ts';
import { SlowDiskDetector } from '../log-file/slow-disk.ts';
import type { Log } from '../own-log/logger.ts';
import { timestamp } from '../own-log/timestamp.ts';
import { Transfer } from './transfer.ts';

/** The parts that the outputs of all services share. */
export interface Shared {
  readonly clock: Clock;
  readonly kernel: Kernel | null;
  readonly poller: Poller;
  readonly slots: Slots;
  /** Wraps a command so that it runs with the privileges of a user. Throws if that is impossible. */
  commandAs(uid: number, command: readonly [string, ...string[]]): readonly [string, ...string[]];
  readonly log: Log;
  /** Time until the next try on a failing disk. */
  readonly retryEvery: Millis;
  onBytes(service: string, bytes: number): void;
  onDropped(service: string, bytes: number): void;
  /** A call that the service could make hang is over; it began then. May abandon the output. */
  after(began: Millis): void;
}

const NEWLINE = 0x0a;
/** Bytes read at a time for a slow target: little stays in memory, even with timestamps added. */
const LATE_CHUNK = 16_384;
/** Buffer for dropped bytes; the last of them are kept for `ctl why`. */
const scrap = Buffer.allocUnsafeSlow(65_536);
const DROPPED_SHOWN = 4_096;
const NOTHING = { bytes: Buffer.alloc(0), length: 0 } as const;
/** How long the rest of a line may take to arrive for a renamed file. */
const LONGEST_LINE_WAIT: Millis = 1_000;
/** Bytes that are read of what a generation left in its FIFO, in case a process goes on writing. */
const MOST_LEFT = 4 << 20;

export class Capture implements Disposable {
  readonly #service: string;
  readonly #fifo: Fifo;
  readonly #file: LogFile;
  readonly #shared: Shared;
  readonly #transfer: Transfer;
  readonly #watch: Watch;
  readonly #slowDisk = new SlowDiskDetector();
  /** The background write in progress; the FIFO is not read meanwhile. */
  #late: Promise<void> | null = null;
  /** Writing failed with `code`; it is tried again at `retryAt`. */
  #failure: { readonly code: string; readonly retryAt: Millis } | null = null;
  #lost = 0;
  #dropped: Buffer = Buffer.alloc(0);
  /** The file was renamed in the middle of a line, and opsd waits until `#switchBy` for the rest of the line. */
  #isSwitching = false;
  #switchBy: Millis = 0;
  #mustEndLine = false;
  #mustReopen = false;
  #isOver = false;

  constructor(service: string, fifo: Fifo, file: LogFile, batchPath: string, stamps: boolean, shared: Shared) {
    this.#service = service;
    this.#fifo = fifo;
    this.#file = file;
    this.#shared = shared;
    this.#transfer = new Transfer(fifo, file, shared, batchPath, {
      wrote: (bytes) => shared.onBytes(service, bytes),
      lost: (bytes) => this.#lose(bytes),
    });
    this.#transfer.stamps = stamps;
    this.#attempt(() => this.#transfer.recover());
    this.#watch = shared.poller.watch(fifo.fd, () => this.#read());
  }

  /** Whether lines get timestamps; takes effect with the next line. */
  set stamps(wanted: boolean) {
    this.#transfer.stamps = wanted;
  }

  /** The last dropped bytes; empty while writing works. */
  get dropped(): Buffer {
    return this.#dropped;
  }

  /** Opens the FIFO for a child; the caller closes the descriptor. */
  openForChild(): number {
    return this.#fifo.openForChild();
  }

  #attempt(act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #read(): number {
    if (this.#late || this.#isOver) return 0;
    const now = this.#shared.clock.now();
    const bytes = this.#readAt(now);
    this.#shared.after(now);
    return bytes;
  }

  #readAt(now: Millis): number {
    if (this.#failure && !this.retry()) return this.#drop();
    let bytes = 0;
    const isWell = this.#attempt(() => {
      bytes = this.#prepare(now);
      if (this.#isSwitching) return;
      if (this.#slowDisk.isSlow || !this.#file.isRegular) bytes += this.#readLate();
      else {
        bytes += this.#transfer.move();
        this.#slowDisk.noteWrite(this.#shared.clock.now() - now);
      }
    });
    return isWell ? bytes : this.#drop();
  }

  /** Opens the file that has the log's name now; returns the bytes read on the way. */
  #prepare(now: Millis): number {
    let bytes = 0;
    if (!this.#file.isOpen) this.#file.open();
    else if (this.#isSwitching || this.#file.isStale(now)) bytes = this.#switchFile();
    this.#file.findEnd();
    return bytes;
  }

  #readLate(): number {
    const { bytes, length } = this.#transfer.take(LATE_CHUNK);
    if (length === 0) return 0;
    this.#watch.pause();
    this.#late = writeLate(this.#file, Buffer.from(bytes), this.#shared, () => this.#isOver).then((written) =>
      this.#wroteLate(written),
    );
    return length;
  }

  #wroteLate({ bytes, left, error, longest }: Written): void {
    this.#late = null;
    if (bytes > 0) this.#shared.onBytes(this.#service, bytes);
    if (left > 0) this.#lose(left);
    if (error) this.#fail(error);
    else this.#slowDisk.noteWrite(longest);
    if (this.#isOver) return this.#file[Symbol.dispose]();
    if (this.#mustReopen) this.reopen();
    if (this.#mustEndLine) this.endGeneration();
    if (!this.#late) this.#watch.resume();
  }

  #lose(bytes: number): void {
    this.#lost += bytes;
    this.#shared.onDropped(this.#service, bytes);
  }

  #fail(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (!this.#failure) {
      this.#shared.log.error('cannot write to the log of a service; its output is dropped until that works again', {
        service: this.#service,
        path: this.#file.path,
        why,
        // Errors that are not of the system name their remedy in the message.
        ...(codeOf(error) === '' ? {} : { remedy: remedyFor(error) }),
      });
    }
    this.#failure = { code: codeOf(error) || why, retryAt: this.#shared.clock.now() + this.#shared.retryEvery };
  }

  #drop(): number {
    const length = this.#fifo.read(scrap);
    if (length === 0) return 0;
    this.#lose(length);
    this.#dropped = Buffer.from(scrap.subarray(Math.max(0, length - DROPPED_SHOWN), length));
    return length;
  }

  /** Tries to write again after a failure, first a line that says how much was lost. True: writing works. */
  retry(): boolean {
    if (!this.#failure) return true;
    if (this.#late || this.#shared.clock.now() < this.#failure.retryAt) return false;
    const { code } = this.#failure;
    const isWell = this.#attempt(() => {
      this.#file[Symbol.dispose]();
      this.#file.open();
      this.#file.findEnd();
      if (this.#lost > 0) this.#file.append(this.#lossMarker(code));
    });
    if (!isWell) return false;
    this.#shared.log.info('the log of a service can be written again', { service: this.#service, lost: this.#lost });
    this.#failure = null;
    this.#isSwitching = false;
    this.#lost = 0;
    this.#dropped = Buffer.alloc(0);
    this.#transfer.forgetLine();
    return true;
  }

  #lossMarker(code: string): Buffer {
    const begin = this.#file.endsWithNewline() ? '' : '\n';
    const time = this.#transfer.stamps ? `${timestamp(this.#shared.clock.unix())} ` : '';
    return Buffer.from(`${begin}${time}opsd: ${this.#lost} bytes of output were lost here (${code})\n`);
  }

  /** On SIGUSR1: the file was renamed, or the disk has room again. */
  reopen(): void {
    this.#mustReopen = this.#late !== null;
    if (this.#late) return;
    if (this.#failure) {
      this.#failure = { ...this.#failure, retryAt: 0 };
      this.retry();
    } else if (this.#file.isOpen && this.#file.wasReplaced()) this.#attempt(() => void this.#switchFile());
  }

  /**
   * Switches to the file that has the log's name now. The rest of a broken line still goes to the old file. If it has
   * not arrived yet, opsd waits for it, but only for a while, as a rotated file is compressed and removed some time
   * later.
   */
  #switchFile(): number {
    this.#file.findEnd();
    const isBroken = this.#file.isRegular && !this.#file.endsWithNewline();
    const { bytes, length } = isBroken ? this.#transfer.take(LATE_CHUNK) : NOTHING;
    const rest = Buffer.from(bytes);
    const cut = rest.indexOf(NEWLINE) + 1;
    if (isBroken && cut === 0 && this.#waitForLine()) {
      this.#transfer.write(rest);
      return length;
    }
    this.#transfer.write(rest.subarray(0, cut));
    this.#isSwitching = false;
    this.#file[Symbol.dispose]();
    try {
      this.#file.open();
    } catch (error) {
      this.#lose(rest.length - cut);
      throw error;
    }
    this.#transfer.write(rest.subarray(cut));
    return length;
  }

  /** False: the wait is over. */
  #waitForLine(): boolean {
    const now = this.#shared.clock.now();
    if (!this.#isSwitching) {
      this.#isSwitching = true;
      this.#switchBy = now + LONGEST_LINE_WAIT;
      void this.#shared.clock.after(LONGEST_LINE_WAIT).then(() => this.#isSwitching && this.#read());
    }
    return now < this.#switchBy;
  }

  /** A generation has ended: writes all of its output, and a newline after a last line that has none. */
  endGeneration(): void {
    const wasOpen = this.#file.isOpen;
    let left = MOST_LEFT;
    for (let bytes = 1; bytes > 0 && left > 0; left -= bytes) bytes = this.#read();
    this.#mustEndLine = this.#late !== null;
    if (this.#late || this.#failure || this.#isOver) return;
    this.#attempt(() => {
      if (!this.#file.isOpen && !this.#file.exists()) return;
      this.#file.open();
      this.#file.findEnd();
      if (!this.#file.endsWithNewline()) this.#transfer.write(Buffer.from('\n'));
      this.#transfer.forgetLine();
      if (this.#isSwitching) this.#switchFile();
      // Closes the log of a silent service: a thousand services would be a thousand descriptors, each of which fork(2)
      // copies.
      if (!wasOpen && left === MOST_LEFT) this.#file[Symbol.dispose]();
    });
  }

  /** Before opsd ends: writes what was read and reads what waits, until `end` at the latest. */
  async settle(end: Millis): Promise<void> {
    for (let left = MOST_LEFT; left > 0 && this.#shared.clock.now() < end; ) {
      if (this.#late) await Promise.race([this.#late, this.#shared.clock.after(end - this.#shared.clock.now())]);
      else {
        const bytes = this.#read();
        if (bytes === 0) return;
        left -= bytes;
      }
    }
  }

  /** A file that a background write still uses is closed after that write. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#watch[Symbol.dispose]();
    this.#transfer[Symbol.dispose]();
    if (!this.#late) this.#file[Symbol.dispose]();
    this.#fifo[Symbol.dispose]();
  }
}
