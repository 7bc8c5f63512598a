// The outputs of all services: the port of the core's loop, and the only file that knows all values of `log.mode`.

import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceLog } from '../../api/logs.ts';
import type { Millis, ServiceSpec } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Outputs } from '../../runtime/ports.ts';
import { type Kernel, loadKernel } from '../fifo/kernel.ts';
import { newPoller, type Poller } from '../fifo/poller.ts';
import { lastLines, readTail } from '../log-file/last-lines.ts';
import { Slots } from '../log-file/late-writer.ts';
import { type LogPlace, serviceLog } from '../log-file/service-log.ts';
import type { Log } from '../own-log/logger.ts';
import { Capture, type Shared } from './capture.ts';
import { openDirect } from './direct.ts';
import { FifoOutputs, needsFifo } from './fifo-outputs.ts';

export interface ServiceOutputsOptions {
  /** ${PREFIX}/run. */
  readonly runDir: string;
  readonly logDir: string;
  /** The user id that the service runs as. */
  uidOf(spec: ServiceSpec): number;
  /** Wraps a command so that it runs with the privileges of that user; left out: with those of opsd. */
  commandAs?(uid: number, command: readonly [string, ...string[]]): readonly [string, ...string[]];
  /** Bytes that reached their log; bytes that could not be written. */
  onBytes(service: string, bytes: number): void;
  onDropped(service: string, bytes: number): void;
  readonly log: Log;
  /** Time until the next try on a failing disk or program; 5 s when left out. */
  readonly retryEvery?: Millis;
  /** null: copy by read(2) and write(2), as without node:ffi. */
  readonly kernel?: Kernel | null;
  readonly clock: Clock;
  /** A call that a service could make hang is over; it began then. Left out: nobody wants to know. */
  after?(began: Millis): void;
}

/** Background writes at a time: all may hang on a slow disk, and others need threads of Node's pool, too. */
const LATE_WRITES = 2;
/** How long the end of opsd waits for slow disks. */
const LONGEST_SETTLING: Millis = 2_000;

export class ServiceOutputs implements Outputs, AsyncDisposable {
  readonly #options: ServiceOutputsOptions;
  readonly #poller: Poller;
  readonly #fifos: FifoOutputs;
  readonly #specs = new Map<string, ServiceSpec>();
  readonly #retries: Disposable;

  constructor(options: ServiceOutputsOptions) {
    this.#options = options;
    const kernel = options.kernel === undefined ? loadKernel() : options.kernel;
    this.#poller = newPoller(kernel, options.clock);
    const shared: Shared = {
      kernel,
      clock: options.clock,
      poller: this.#poller,
      slots: new Slots(LATE_WRITES),
      commandAs: (uid, command) => options.commandAs?.(uid, command) ?? command,
      log: options.log,
      retryEvery: options.retryEvery ?? 5_000,
      onBytes: (service, bytes) => options.onBytes(service, bytes),
      onDropped: (service, bytes) => options.onDropped(service, bytes),
      after: (began) => options.after?.(began),
    };
    const { runDir, uidOf } = options;
    this.#fifos = new FifoOutputs({ runDir, logPath: (service) => this.#logPath(service), uidOf, shared });
    this.#retries = options.clock.every(shared.retryEvery, () => this.#fifos.retry());
  }

  /**
   * At the start of opsd and after a reload: makes all FIFOs and reads on where the last opsd stopped. A FIFO that
   * cannot be used is an error in the log, and later the reason of a failed spawn; other services are not affected.
   */
  prepare(specs: Iterable<ServiceSpec>): void {
    const all = [...specs];
    for (const spec of all) this.#specs.set(spec.name, spec);
    this.#fifos.prepare(all.filter((spec) => this.#needsFifo(spec)));
  }

  /** Opens the output for a start. Throws RuntimeError if it cannot be opened; the message says what to do. */
  open(spec: ServiceSpec): ReturnType<Outputs['open']> {
    const { name, launch } = spec;
    this.#fifos.wayOf(name)?.endGeneration();
    this.#specs.set(name, spec);
    if (this.#needsFifo(spec)) return ends(this.#fifos.forStart(spec).openForChild());
    this.#fifos.forget(name);
    if (launch.log === 'direct') return ends(openDirect(this.#logPath(name), this.#options.uidOf(spec)));
    const where = launch.log === 'inherit' ? 'inherit' : 'ignore';
    return { stdout: where, stderr: where, close() {} };
  }

  #needsFifo(spec: ServiceSpec): boolean {
    return needsFifo(spec.launch.log, () => this.#options.uidOf(spec));
  }

  settings(service: string, spec: ServiceSpec | null): void {
    if (spec === null) {
      this.#fifos.wayOf(service)?.endGeneration();
      this.#fifos.forget(service);
      this.#specs.delete(service);
      return;
    }
    const way = this.#fifos.wayOf(service);
    if (way instanceof Capture) way.stamps = spec.policy.timestamps;
  }

  /**
   * The process tree of a generation is gone: writes what it left in the FIFO, and a newline after a last line that has
   * none.
   */
  endOfGeneration(service: string): void {
    this.#fifos.wayOf(service)?.endGeneration();
  }

  /** Using the output of the service hung opsd: it is not read again before the next start. */
  abandon(service: string): void {
    this.#fifos.abandon(service);
  }

  /** SIGUSR1. A service in mode `direct` writes to the renamed file until its next start. */
  reopenAll(): void {
    for (const way of this.#fifos.ways()) if (way instanceof Capture) way.reopen();
  }

  /** Whether the output of this process is lost: its FIFO has lost its name. */
  isCutOff(service: string, pid: number): boolean {
    return this.#fifos.isCutOff(service, pid);
  }

  /** The log file of a service; null: its output goes elsewhere. */
  logFile(service: string): LogPlace | null {
    const spec = this.#specs.get(service);
    if (spec?.launch.log !== 'capture' && spec?.launch.log !== 'direct') return null;
    return { path: this.#logPath(service), uid: this.#options.uidOf(spec) };
  }

  /** The log of a service for readers; null: its output goes elsewhere. */
  logOf(service: string): ServiceLog | null {
    const place = this.logFile(service);
    return place === null ? null : serviceLog(place.path, place.uid);
  }

  /** The last lines of a service, at most 50, also from before a rotation if the old file is called `.1`. */
  lastLines(service: string): readonly string[] {
    const way = this.#fifos.wayOf(service);
    if (way !== undefined && !(way instanceof Capture)) return lastLines([way.tail]);
    const place = this.logFile(service);
    if (place === null) return [];
    const { path, uid } = place;
    return lastLines([readTail(`${path}.1`, uid), readTail(path, uid), way?.dropped ?? Buffer.alloc(0)]);
  }

  #logPath = (service: string): string => join(this.#options.logDir, `${service}.log`);

  /** Writes what was read, as far as slow disks allow. The FIFOs stay: services that live on write into them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const end = this.#options.clock.now() + LONGEST_SETTLING;
    this.#retries[Symbol.dispose]();
    await Promise.all(this.#fifos.ways().map((way) => way.settle(end)));
    this.#fifos[Symbol.dispose]();
    this.#poller[Symbol.dispose]();
  }
}

/** One descriptor for stdout and stderr: lines keep their order. */
function ends(fd: number): ReturnType<Outputs['open']> {
  return { stdout: fd, stderr: fd, close: () => closeSync(fd) };
}
