// The log file of a service: append only, opened anew after a rename, refused if it is something else in disguise.

import { closeSync, constants, fstatSync, readSync, writeSync } from 'node:fs';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { leaveMargin } from '../proc/descriptor-margin.ts';
import { lookAt } from '../trust/foreign-path.ts';
import { openLog } from './open-log.ts';
import { readEnd } from './read-end.ts';

const NEWLINE = 0x0a;
/** How often the name of an open file is checked: a rename without SIGUSR1 is noticed that late. */
const CHECK_EVERY: Millis = 1_000;

/** Not O_APPEND, which splice(2) refuses: opsd is the only writer and asks for the size before it writes. */
const FLAGS = constants.O_RDWR;

interface Open {
  readonly fd: number;
  readonly ino: number;
  readonly dev: number;
  /** A regular file, not a device or FIFO: it has an end, and writes are complete. */
  readonly isRegular: boolean;
}

export class LogFile implements Disposable {
  readonly path: string;
  readonly #uid: number;
  readonly #clock: Pick<Clock, 'now'>;
  #open: Open | null = null;
  #end = 0;
  #checkedAt: Millis = 0;

  /** `uid`: the service's user. */
  constructor(path: string, uid: number, clock: Pick<Clock, 'now'>) {
    this.path = path;
    this.#uid = uid;
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#open !== null;
  }

  get isRegular(): boolean {
    return this.#file().isRegular;
  }

  get fd(): number {
    return this.#file().fd;
  }

  /** Offset of the next byte. */
  get end(): number {
    return this.#end;
  }

  get ino(): number {
    return this.#file().ino;
  }

  /** Throws as `openLog` does. */
  open(): void {
    if (this.#open) return;
    const fd = leaveMargin(openLog(this.path, FLAGS, this.#uid));
    const found = fstatSync(fd);
    this.#open = { fd, ino: found.ino, dev: found.dev, isRegular: found.isFile() };
    this.#end = found.size;
    this.#checkedAt = this.#clock.now();
  }

  /** Whether a file of this name exists. */
  exists(): boolean {
    return lookAt(this.path) !== null;
  }

  /** Whether the name now belongs to another file or to none. Checked at most once a second. */
  isStale(now: Millis): boolean {
    if (!this.#open || now - this.#checkedAt < CHECK_EVERY) return false;
    this.#checkedAt = now;
    return this.wasReplaced();
  }

  wasReplaced(): boolean {
    const found = lookAt(this.path);
    return found?.ino !== this.#open?.ino || found?.dev !== this.#open?.dev;
  }

  /** Reads the size again: the file may have been truncated, or a process writes to it directly. */
  findEnd(): void {
    const { fd, isRegular } = this.#file();
    if (isRegular) this.#end = fstatSync(fd).size;
  }

  /** Notes bytes that splice(2) appended. */
  grew(bytes: number): void {
    this.#end += bytes;
  }

  /** Appends bytes synchronously. Calls `wrote` for each part; throws the error of write(2). */
  append(bytes: Buffer, wrote: (bytes: number) => void = () => {}): void {
    const { fd, isRegular } = this.#file();
    for (let next = 0; next < bytes.length; ) {
      const written = writeSync(fd, bytes, next, bytes.length - next, isRegular ? this.#end : null);
      this.#end += written;
      next += written;
      wrote(written);
    }
  }

  /** Whether the last line is complete; true also for an empty file and for what is no regular file. */
  endsWithNewline(): boolean {
    const { fd, isRegular } = this.#file();
    if (!isRegular || this.#end === 0) return true;
    const last = Buffer.alloc(1);
    return readSync(fd, last, 0, 1, this.#end - 1) === 0 || last[0] === NEWLINE;
  }

  /** The last bytes of the file, at most `limit`. */
  tail(limit: number): Buffer {
    const { fd, isRegular } = this.#file();
    if (!isRegular) return Buffer.alloc(0);
    return readEnd(fd, this.#end, limit);
  }

  #file(): Open {
    if (!this.#open) throw new Error(`${this.path} is not open`);
    return this.#open;
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#open.fd);
    this.#open = null;
  }
}
