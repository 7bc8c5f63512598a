// One service's output: copied at once, late (a slow disk), or dropped and counted (a failing one); and what ends a line.

import type { Millis } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import { after, monotonic } from '../../runtime/clock.ts';
import type { Fifo } from '../fifo/fifo.ts';
import type { Kernel } from '../fifo/kernel.ts';
import type { Readiness, Watch } from '../fifo/poller.ts';
import { type Slots, type Written, writeLate } from '../log-file/late-writer.ts';
import type { LogFile } from '../log-file/log-file.ts';
import { remedyFor } from '../log-file/remedies.ts';
import { Patience } from '../log-file/slow-disk.ts';
import type { Log } from '../own-log/logger.ts';
import { timestamp } from '../own-log/timestamp.ts';
import { Transfer } from './transfer.ts';

/** What the outputs of all services share. */
export interface Shared {
  readonly kernel: Kernel | null;
  readonly readiness: Readiness;
  readonly slots: Slots;
  /** What runs a command with the rights of a user. Throws where it cannot be. */
  commandAs(uid: number, command: readonly [string, ...string[]]): readonly [string, ...string[]];
  readonly log: Log;
  /** How long a failing disk is left alone. */
  readonly retryEvery: Millis;
  onBytes(service: string, bytes: number): void;
  onDropped(service: string, bytes: number): void;
}

const NEWLINE = 0x0a;
/** What is read at a time for a slow target: little stays in memory, also when stamps make it grow. */
const LATE_CHUNK = 16_384;
/** What is dropped at a time, and how much of it `ctl why` may still show. */
const scrap = Buffer.allocUnsafeSlow(65_536);
const DROPPED_SHOWN = 4_096;
const NOTHING = { bytes: Buffer.alloc(0), length: 0 } as const;
/** How long the second half of a line may take to follow the first into a renamed file. */
const LONGEST_LINE_WAIT: Millis = 1_000;
/** What a generation left in its pipe is read up to this, should somebody go on writing. */
const MOST_LEFT = 4 << 20;

export class Capture implements Disposable {
  readonly #service: string;
  readonly #fifo: Fifo;
  readonly #file: LogFile;
  readonly #shared: Shared;
  readonly #transfer: Transfer;
  readonly #watch: Watch;
  readonly #patience = new Patience();
  /** A write under way in the background; the FIFO is not read meanwhile. */
  #late: Promise<void> | null = null;
  /** Nothing can be written because of `code`; tried again at `retryAt`. */
  #failure: { readonly code: string; readonly retryAt: Millis } | null = null;
  #lost = 0;
  #dropped: Buffer = Buffer.alloc(0);
  /** The file was renamed in the middle of a line, whose rest is to follow it until then. */
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
    this.#transfer = new Transfer(fifo, file, shared.kernel, batchPath, {
      wrote: (bytes) => shared.onBytes(service, bytes),
      lost: (bytes) => this.#lose(bytes),
    });
    this.#transfer.stamps = stamps;
    this.#attempt(() => this.#transfer.recover());
    this.#watch = shared.readiness.watch(fifo.fd, () => this.#read());
  }

  /** Whether lines get timestamps, from the next one on. */
  set stamps(wanted: boolean) {
    this.#transfer.stamps = wanted;
  }

  /** The last of what was dropped; empty while all is well. */
  get dropped(): Buffer {
    return this.#dropped;
  }

  /** For a child; the caller closes it. */
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
    const now = monotonic();
    if (this.#failure && !this.retry()) return this.#drop();
    let bytes = 0;
    const isWell = this.#attempt(() => {
      bytes = this.#prepare(now);
      if (this.#isSwitching) return;
      if (this.#patience.isOver || !this.#file.isRegular) bytes += this.#readLate();
      else {
        bytes += this.#transfer.move();
        this.#patience.took(monotonic() - now);
      }
    });
    return isWell ? bytes : this.#drop();
  }

  /** The right file, open; the bytes that were read on the way there. */
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
    this.#late = writeLate(this.#file, Buffer.from(bytes), this.#shared.slots, () => this.#isOver).then((written) =>
      this.#wroteLate(written),
    );
    return length;
  }

  #wroteLate({ bytes, left, error, longest }: Written): void {
    this.#late = null;
    if (bytes > 0) this.#shared.onBytes(this.#service, bytes);
    if (left > 0) this.#lose(left);
    if (error) this.#fail(error);
    else this.#patience.took(longest);
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
        // One that is no error of the system has its own in it.
        ...(codeOf(error) === '' ? {} : { remedy: remedyFor(error) }),
      });
    }
    this.#failure = { code: codeOf(error) || why, retryAt: monotonic() + this.#shared.retryEvery };
  }

  #drop(): number {
    const length = this.#fifo.read(scrap);
    if (length === 0) return 0;
    this.#lose(length);
    this.#dropped = Buffer.from(scrap.subarray(Math.max(0, length - DROPPED_SHOWN), length));
    return length;
  }

  /** Writes again where nothing could be written, and first of all how much was lost. True: all is well. */
  retry(): boolean {
    if (!this.#failure) return true;
    if (this.#late || monotonic() < this.#failure.retryAt) return false;
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
    const time = this.#transfer.stamps ? `${timestamp()} ` : '';
    return Buffer.from(`${begin}${time}opsd: ${this.#lost} bytes of output were lost here (${code})\n`);
  }

  /** SIGUSR1: the file was renamed, or room was made. */
  reopen(): void {
    this.#mustReopen = this.#late !== null;
    if (this.#late) return;
    if (this.#failure) {
      this.#failure = { ...this.#failure, retryAt: 0 };
      this.retry();
    } else if (this.#file.isOpen && this.#file.wasReplaced()) this.#attempt(() => void this.#switchFile());
  }

  /**
   * To the file that has the name now. A line that is half in the old file gets its other half there; where that has not
   * come yet, it is waited for, but not for ever: a rotated file is compressed and removed some time.
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

  /** False: it was waited for long enough. */
  #waitForLine(): boolean {
    const now = monotonic();
    if (!this.#isSwitching) {
      this.#isSwitching = true;
      this.#switchBy = now + LONGEST_LINE_WAIT;
      void after(LONGEST_LINE_WAIT).then(() => this.#isSwitching && this.#read());
    }
    return now < this.#switchBy;
  }

  /** A generation has ended: all that it wrote is written, and what comes next begins a line of its own. */
  endGeneration(): void {
    const wasOpen = this.#file.isOpen;
    let left = MOST_LEFT;
    for (let bytes = 1; bytes > 0 && left > 0; left -= bytes) bytes = this.#read();
    this.#mustEndLine = this.#late !== null;
    if (this.#late || this.#failure) return;
    this.#attempt(() => {
      if (!this.#file.isOpen && !this.#file.exists()) return;
      this.#file.open();
      this.#file.findEnd();
      if (!this.#file.endsWithNewline()) this.#transfer.write(Buffer.from('\n'));
      this.#transfer.forgetLine();
      if (this.#isSwitching) this.#switchFile();
      // A thousand silent services are a thousand descriptors less, each of which every fork(2) has to copy.
      if (!wasOpen && left === MOST_LEFT) this.#file[Symbol.dispose]();
    });
  }

  /** Before the end of opsd: what was read is written, what waits is read, until `end` at the latest. */
  async settle(end: Millis): Promise<void> {
    for (let left = MOST_LEFT; left > 0 && monotonic() < end; ) {
      if (this.#late) await Promise.race([this.#late, after(end - monotonic())]);
      else {
        const bytes = this.#read();
        if (bytes === 0) return;
        left -= bytes;
      }
    }
  }

  /** A file that a write in the background still uses is closed after that write. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#watch[Symbol.dispose]();
    this.#transfer[Symbol.dispose]();
    if (!this.#late) this.#file[Symbol.dispose]();
    this.#fifo[Symbol.dispose]();
  }
}
