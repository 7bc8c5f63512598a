// Where the output of services goes: the port of the loop, and the only file here that knows all the ways (`log.mode`).

import { closeSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LogMode, Millis, ServiceSpec } from '../../core/spec.ts';
import { every, monotonic } from '../../runtime/clock.ts';
import type { Outputs } from '../../runtime/ports.ts';
import type { Log } from '../logger.ts';
import { makeFolders } from '../make-folders.ts';
import { Capture, type Shared } from './capture.ts';
import { Fifo, hasHolder, makeFifos, removeFile } from './fifo.ts';
import { Forwarder, PROGRAMS } from './forwarder.ts';
import { type Kernel, loadKernel } from './kernel.ts';
import { lastLines, readTail } from './last-lines.ts';
import { Slots } from './late-writer.ts';
import { LogFile, openDirect } from './log-file.ts';
import { type Readiness, watchReadiness } from './readiness.ts';

export interface ServiceOutputsOptions {
  /** ${PREFIX}/run. */
  readonly runDir: string;
  readonly logDir: string;
  /** Who the service runs as. */
  uidOf(spec: ServiceSpec): number;
  /** Bytes that reached their log; bytes that could not be written. */
  onBytes(service: string, bytes: number): void;
  onDropped(service: string, bytes: number): void;
  readonly log: Log;
  /** How long a failing disk or program is left alone; 5 s when left out. */
  readonly retryEvery?: Millis;
  /** null: copy by read and write, as where Node has no node:ffi. */
  readonly kernel?: Kernel | null;
}

/** A disk may be slow with all of them; four is all the threads Node has, and others need some. */
const LATE_WRITES = 2;
/** The end of opsd waits that long for slow disks. */
const LONGEST_SETTLING: Millis = 2_000;

type FifoMode = 'capture' | 'syslog' | 'journal';
const isFifoMode = (mode: LogMode): mode is FifoMode => mode === 'capture' || mode === 'syslog' || mode === 'journal';

interface Output {
  readonly mode: FifoMode;
  readonly uid: number;
  readonly way: Capture | Forwarder;
}

export class ServiceOutputs implements Outputs, AsyncDisposable {
  readonly #options: ServiceOutputsOptions;
  readonly #readiness: Readiness;
  readonly #shared: Shared;
  readonly #outputs = new Map<string, Output>();
  readonly #modes = new Map<string, LogMode>();
  readonly #retries: Disposable;

  constructor(options: ServiceOutputsOptions) {
    this.#options = options;
    const kernel = options.kernel === undefined ? loadKernel() : options.kernel;
    this.#readiness = watchReadiness(kernel);
    this.#shared = {
      kernel,
      readiness: this.#readiness,
      slots: new Slots(LATE_WRITES),
      log: options.log,
      retryEvery: options.retryEvery ?? 5_000,
      onBytes: (service, bytes) => options.onBytes(service, bytes),
      onDropped: (service, bytes) => options.onDropped(service, bytes),
    };
    this.#retries = every(this.#shared.retryEvery, () => {
      for (const { way } of this.#outputs.values()) if (way instanceof Capture) way.retry();
    });
  }

  /**
   * At the start of opsd and after a reload: makes all FIFOs at once and reads on where the last opsd stopped. A FIFO that cannot be used is
   * an error in the log here, and the reason of a failed spawn later; the other services are not kept waiting for it.
   */
  prepare(specs: Iterable<ServiceSpec>): void {
    const all = [...specs];
    const wanted = all.filter(({ launch }) => isFifoMode(launch.log));
    const fresh = wanted.filter(({ name }) => !this.#outputs.has(name));
    makeFolders(this.#fifoDir(), 0o700);
    this.#try(() => makeFifos(fresh.map(({ name }) => this.#fifoPath(name))));
    for (const spec of fresh) this.#try(() => this.#outputOf(spec));
    for (const spec of all) this.#modes.set(spec.name, spec.launch.log);
    const known = new Set([...this.#outputs.keys(), ...wanted.map(({ name }) => name)]);
    for (const name of readdirSync(this.#fifoDir())) if (!known.has(name)) this.#try(() => this.#keepOrRemove(name));
  }

  #try(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#options.log.error(error instanceof Error ? error.message : String(error));
    }
  }

  /** A FIFO of no service: read on while processes hold it, removed when none does. What else is there is not ours. */
  #keepOrRemove(name: string): void {
    const path = this.#fifoPath(name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found?.isFIFO()) return;
    if (!hasHolder(path)) return removeFile(path);
    const { uid } = found;
    const way = new Capture(
      name,
      Fifo.open(path, uid),
      this.#logFileOf(name),
      this.#batchPath(name),
      false,
      this.#shared,
    );
    this.#outputs.set(name, { mode: 'capture', uid, way });
  }

  /** Throws RuntimeError where the output cannot be opened; the message says what to do. */
  open(spec: ServiceSpec): ReturnType<Outputs['open']> {
    const { name, launch } = spec;
    this.#outputs.get(name)?.way.endGeneration();
    this.#modes.set(name, launch.log);
    if (!isFifoMode(launch.log)) this.#forget(name);
    switch (launch.log) {
      case 'none':
        return { stdout: 'ignore', stderr: 'ignore', close() {} };
      case 'inherit':
        return { stdout: 'inherit', stderr: 'inherit', close() {} };
      case 'direct':
        return ends(openDirect(this.#logPath(name), this.#options.uidOf(spec)));
      default:
        return ends(this.#outputOf(spec).way.openForChild());
    }
  }

  /** The reader of the FIFO, made where there is none or where it does not fit any more. */
  #outputOf(spec: ServiceSpec): Output {
    const { name, launch, policy } = spec;
    const mode = isFifoMode(launch.log) ? launch.log : 'capture';
    const uid = this.#options.uidOf(spec);
    const present = this.#outputs.get(name);
    if (present?.mode === mode && present.uid === uid) return present;
    // Another user gets another FIFO: this one may still be open in the old user's hands.
    if (present) this.#forget(name);
    makeFifos([this.#fifoPath(name)]);
    const fifo = Fifo.open(this.#fifoPath(name), uid);
    const way =
      mode === 'capture'
        ? new Capture(name, fifo, this.#logFileOf(name), this.#batchPath(name), policy.timestamps, this.#shared)
        : new Forwarder(name, fifo, PROGRAMS[mode](name), this.#shared);
    const made = { mode, uid, way };
    this.#outputs.set(name, made);
    return made;
  }

  settings(service: string, spec: ServiceSpec | null): void {
    if (spec === null) {
      this.#outputs.get(service)?.way.endGeneration();
      this.#forget(service);
      this.#modes.delete(service);
      return;
    }
    const { way } = this.#outputs.get(service) ?? {};
    if (way instanceof Capture) way.stamps = spec.policy.timestamps;
  }

  /** The tree of a generation is gone: what it left in the FIFO is written, and a last line without an end gets one. */
  endOfGeneration(service: string): void {
    this.#outputs.get(service)?.way.endGeneration();
  }

  /** SIGUSR1. A service in mode `direct` writes to the renamed file until its next start. */
  reopenAll(): void {
    for (const { way } of this.#outputs.values()) if (way instanceof Capture) way.reopen();
  }

  /** null: its output goes elsewhere. */
  logFile(service: string): string | null {
    const mode = this.#modes.get(service);
    return mode === 'capture' || mode === 'direct' ? this.#logPath(service) : null;
  }

  /** At most the last 50, from before a rotation too where the old file is called `.1`. */
  lastLines(service: string): readonly string[] {
    const way = this.#outputs.get(service)?.way;
    if (way instanceof Forwarder) return lastLines([way.tail]);
    const path = this.logFile(service);
    if (path === null) return [];
    return lastLines([readTail(`${path}.1`), readTail(path), way?.dropped ?? Buffer.alloc(0)]);
  }

  #forget(service: string): void {
    const output = this.#outputs.get(service);
    if (!output) return;
    this.#outputs.delete(service);
    output.way[Symbol.dispose]();
    removeFile(this.#fifoPath(service));
    removeFile(this.#batchPath(service));
  }

  #fifoDir = (): string => join(this.#options.runDir, 'fifo');
  #fifoPath = (service: string): string => join(this.#fifoDir(), service);
  #batchPath = (service: string): string => join(this.#options.runDir, 'batch', service);
  #logPath = (service: string): string => join(this.#options.logDir, `${service}.log`);
  #logFileOf = (service: string): LogFile => new LogFile(this.#logPath(service));

  /** What was read is written, as far as slow disks allow. FIFOs stay: services that live on write into them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const end = monotonic() + LONGEST_SETTLING;
    await Promise.all([...this.#outputs.values()].map(({ way }) => way.settle(end)));
    for (const { way } of this.#outputs.values()) way[Symbol.dispose]();
    this.#outputs.clear();
    this.#retries[Symbol.dispose]();
    this.#readiness[Symbol.dispose]();
  }
}

/** One descriptor for both: lines keep their order. */
function ends(fd: number): ReturnType<Outputs['open']> {
  return { stdout: fd, stderr: fd, close: () => closeSync(fd) };
}
