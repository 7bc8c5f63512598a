// The outputs that go through a FIFO, one for each service: makes the FIFOs, finds those of an earlier opsd, and reads
// on for removed services.

import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { LogMode, ServiceSpec } from '../../core/model/spec.ts';
import { RuntimeError } from '../../errors.ts';
import { Fifo, hasHolder, makeFifos, removeFile } from '../fifo/fifo.ts';
import { FifoRegistry } from '../fifo/registry.ts';
import { makeFolders } from '../files/make-folders.ts';
import { LogFile } from '../log-file/log-file.ts';
import { isOutOfDescriptors } from '../procfs/spare-descriptor.ts';
import { isWithheld } from '../procfs/withheld.ts';
import { Capture, type Shared } from './capture.ts';
import { Forwarder, PROGRAMS } from './forwarder.ts';
import { OwnOutput, Relay } from './relay.ts';

type FifoMode = 'capture' | 'syslog' | 'journal' | 'inherit';

const isFifoMode = (mode: LogMode): mode is FifoMode =>
  mode === 'capture' || mode === 'syslog' || mode === 'journal' || mode === 'inherit';

/** Whether the output goes through a FIFO. With `inherit` a service of opsd's own user has opsd's output itself. */
export function needsFifo(log: LogMode, uid: () => number): boolean {
  return log === 'inherit' ? uid() !== (process.geteuid?.() ?? 0) : isFifoMode(log);
}

interface FifoOutputsOptions {
  readonly runDir: string;
  readonly logPath: (service: string) => string;
  /** The user id that the service runs as. */
  readonly uidOf: (spec: ServiceSpec) => number;
  readonly shared: Shared;
}

type Way = Capture | Forwarder | Relay;

interface FifoOutput {
  readonly mode: FifoMode;
  readonly fifo: Fifo;
  readonly way: Way;
}

/** Keys of `#lastErrors` that are no names of services, which have no spaces or slashes. */
const FOLDER = 'fifo/';
const NO_DESCRIPTOR =
  'too many open files: cannot read the output of all services; raise LimitNOFILE= of opsd (retrying)';

export class FifoOutputs implements Disposable {
  readonly #options: FifoOutputsOptions;
  readonly #registry: FifoRegistry;
  readonly #ownOutput: OwnOutput;
  readonly #outputs = new Map<string, FifoOutput>();
  /** Services whose FIFO hung as it was opened. */
  readonly #hung = new Set<string>();
  /** The services that need a FIFO. */
  #wanted: ReadonlyMap<string, ServiceSpec> = new Map();
  /** The last error logged: by service, for the folder, and for the lack of descriptors. */
  readonly #lastErrors = new Map<string, string>();

  constructor(options: FifoOutputsOptions) {
    this.#options = options;
    this.#ownOutput = new OwnOutput(1, options.shared.clock);
    this.#registry = new FifoRegistry(options.runDir, options.shared.log);
  }

  ways(): readonly Way[] {
    return [...this.#outputs.values()].map(({ way }) => way);
  }

  wayOf(service: string): Way | undefined {
    return this.#outputs.get(service)?.way;
  }

  /**
   * Makes all FIFOs with one process. A FIFO that cannot be used or read is an error in the log and does not affect the
   * others.
   */
  prepare(wanted: readonly ServiceSpec[]): void {
    this.#wanted = new Map(wanted.map((spec) => [spec.name, spec]));
    const missing = wanted.filter(({ name }) => !this.#outputs.has(name));
    this.#try(FOLDER, () => {
      makeFolders(this.#folder(), 0o700);
      makeFifos(missing.map(({ name }) => this.#pathOf(name)));
    });
    this.#readMissing();
    this.#try(FOLDER, () => {
      const names = readdirSync(this.#folder());
      this.#registry.keepOnly(new Set(names));
      for (const name of names) {
        if (!this.#outputs.has(name) && !this.#wanted.has(name)) this.#try(name, () => this.#keepOrRemove(name));
      }
    });
    this.#registry.save();
  }

  /** Tries failed logs and unread FIFOs again: a service that lives on blocks at its FIFO until opsd reads it. */
  retry(): void {
    for (const { way } of this.#outputs.values()) if (way instanceof Capture) way.retry();
    this.#readMissing();
    this.#registry.save();
  }

  #readMissing(): void {
    for (const spec of this.#wanted.values()) {
      if (this.#outputs.has(spec.name)) continue;
      const tried = this.#try(spec.name, () => {
        // Without a FIFO no service waits: the next start makes it.
        if (lstatSync(this.#pathOf(spec.name), { throwIfNoEntry: false })) this.#read(spec);
      });
      if (tried === 'exhausted') return;
    }
    this.#lastErrors.delete(NO_DESCRIPTOR);
  }

  /** Logs an error once until it changes. */
  #try(what: string, act: () => void): 'done' | 'failed' | 'exhausted' {
    try {
      act();
      this.#lastErrors.delete(what);
      return 'done';
    } catch (error) {
      const isExhausted = isOutOfDescriptors(error);
      if (isExhausted) this.#logOnce(NO_DESCRIPTOR, NO_DESCRIPTOR);
      else this.#logOnce(what, error instanceof Error ? error.message : String(error));
      return isExhausted ? 'exhausted' : 'failed';
    }
  }

  #logOnce(what: string, message: string): void {
    if (this.#lastErrors.get(what) === message) return;
    this.#lastErrors.set(what, message);
    this.#options.shared.log.error(message);
  }

  /**
   * A FIFO without a service: opsd reads it while processes hold it, and removes it when none does. Other files are
   * left alone.
   */
  #keepOrRemove(name: string): void {
    const path = this.#pathOf(name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found?.isFIFO()) return;
    const isHeld = this.#within(name, () => hasHolder(path));
    if (!isHeld) {
      removeFile(path);
      return this.#registry.forget(name);
    }
    const fifo = this.#within(name, () => Fifo.open(path, name, found.uid, this.#registry));
    this.#outputs.set(name, { mode: 'capture', fifo, way: this.#capture(name, fifo, false) });
  }

  /** The output for a start. Throws RuntimeError if it cannot be opened; the message says what to do. */
  forStart(spec: ServiceSpec): Way {
    const { name, launch } = spec;
    let output = this.#outputs.get(name);
    for (;;) {
      // A service with another user gets a new FIFO: processes of the old user may still have this one open.
      const isFit = output?.mode === launch.log && output.fifo.uid === this.#options.uidOf(spec);
      if (isFit && output?.fifo.isInPlace()) break;
      if (output) this.forget(name);
      makeFolders(this.#folder(), 0o700);
      makeFifos([this.#pathOf(name)]);
      output = this.#read(spec);
    }
    this.#registry.save();
    return output.way;
  }

  #read(spec: ServiceSpec): FifoOutput {
    const { name, launch, policy } = spec;
    const mode = isFifoMode(launch.log) ? launch.log : 'capture';
    const fifo = this.#within(name, () =>
      Fifo.open(this.#pathOf(name), name, this.#options.uidOf(spec), this.#registry),
    );
    const way = this.#wayFor(mode, name, fifo, policy.timestamps);
    const made = { mode, fifo, way };
    this.#outputs.set(name, made);
    return made;
  }

  #wayFor(mode: FifoMode, service: string, fifo: Fifo, stamps: boolean): Way {
    const { shared } = this.#options;
    if (mode === 'capture') return this.#capture(service, fifo, stamps);
    if (mode === 'inherit') return new Relay(service, fifo, this.#ownOutput, shared);
    return new Forwarder(service, fifo, PROGRAMS[mode](service), shared);
  }

  #capture(service: string, fifo: Fifo, stamps: boolean): Capture {
    const { logPath, shared } = this.#options;
    return new Capture(
      service,
      fifo,
      new LogFile(logPath(service), fifo.uid, shared.clock),
      this.#batchPath(service),
      stamps,
      shared,
    );
  }

  /** Does what the service could make hang. Throws RuntimeError if it did. */
  #within<Result>(service: string, act: () => Result): Result {
    const { clock, after } = this.#options.shared;
    const began = clock.now();
    const result = act();
    after(began);
    if (this.#hung.delete(service)) throw new RuntimeError(`the output FIFO ${this.#pathOf(service)} hung opsd`);
    return result;
  }

  /** Using the FIFO hung. It loses its name, so that no opsd opens it again; whoever has it open writes to nobody. */
  abandon(service: string): void {
    const output = this.#outputs.get(service);
    if (output) {
      output.fifo.abandon();
      output.way[Symbol.dispose]();
    } else this.#hung.add(service);
    this.#outputs.delete(service);
    this.#registry.forget(service);
    this.#registry.save();
    removeFile(this.#pathOf(service));
  }

  /** Whether this process writes to a FIFO of its service that has lost its name: no later opsd can find that. */
  isCutOff(service: string, pid: number): boolean {
    if (isWithheld(pid)) return false;
    const { clock, after } = this.#options.shared;
    const began = clock.now();
    try {
      return readlinkSync(`/proc/${pid}/fd/1`) === `${this.#pathOf(service)} (deleted)`;
    } catch {
      // The process is gone, or opsd may not read it.
      return false;
    } finally {
      after(began);
    }
  }

  forget(service: string): void {
    const output = this.#outputs.get(service);
    this.#lastErrors.delete(service);
    if (!output) return;
    this.#outputs.delete(service);
    this.#registry.forget(service);
    // A file that took the FIFO's name is not opsd's to remove.
    const isInPlace = output.fifo.isInPlace();
    output.way[Symbol.dispose]();
    if (isInPlace) removeFile(this.#pathOf(service));
    removeFile(this.#batchPath(service));
  }

  #folder = (): string => join(this.#options.runDir, 'fifo');
  #pathOf = (service: string): string => join(this.#folder(), service);
  #batchPath = (service: string): string => join(this.#options.runDir, 'batch', service);

  /** The FIFOs stay: services that live on write into them. */
  [Symbol.dispose](): void {
    for (const { way } of this.#outputs.values()) way[Symbol.dispose]();
    this.#outputs.clear();
    this.#wanted = new Map();
    this.#registry.save();
  }
}
