// Readiness that services report themselves: hands each new process what it needs for that, listens, and reports.

import { lstatSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceSpec } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Report } from '../../runtime/ports.ts';
import { makeFolders } from '../files/make-folders.ts';
import type { LogPlace } from '../log-file/service-log.ts';
import { linearPattern } from './linear-pattern.ts';
import { LogLine, type LogPosition, markEnd } from './log-line.ts';
import { closeQuietly, NotifyPipe } from './notify-pipe.ts';
import { SharedTurns } from './shared-turns.ts';

/** What a new process inherits for it; the caller disposes it after the spawn. */
interface ReadyHandover extends Disposable {
  /** In this order, after all other inherited descriptors. */
  readonly descriptors: readonly number[];
  readonly environment: Readonly<Record<string, string>>;
}

interface ReadySignalsOptions {
  readonly report: Report;
  readonly runDir: string;
  /** The log file of a service; null: its output goes to no file. */
  readonly logFile: (service: string) => LogPlace | null;
  readonly clock: Clock;
}

const FIRST_DESCRIPTOR = 3;
const NOTHING: ReadyHandover = { descriptors: [], environment: {}, [Symbol.dispose]() {} };

export class ReadySignals implements Disposable {
  readonly #options: ReadySignalsOptions;
  readonly #folder: string;
  readonly #turns: SharedTurns;
  /** Listeners by the name of their file in the folder. */
  readonly #listening = new Map<string, Disposable>();

  constructor(options: ReadySignalsOptions) {
    this.#options = options;
    this.#folder = join(options.runDir, 'notify');
    this.#turns = new SharedTurns(options.clock);
  }

  /**
   * Begins to listen: called when the output of a generation is open, before it is spawned. `before`: how many other
   * descriptors, from 3 on, it inherits. Throws the system's error.
   */
  begin(
    service: string,
    generation: number,
    { policy: { ready, timestamps } }: ServiceSpec,
    before = 0,
  ): ReadyHandover {
    if (ready?.on === 'fd') {
      makeFolders(this.#folder, 0o700);
      const pipe = this.#listen(
        service,
        generation,
        new NotifyPipe(this.#pathOf(service, generation), this.#tell(service, generation)),
      );
      const fd = pipe.openForChild();
      return {
        descriptors: [fd],
        environment: { OPSD_NOTIFY_FD: String(FIRST_DESCRIPTOR + before) },
        [Symbol.dispose]: () => closeQuietly(fd),
      };
    }
    const place = ready?.on === 'log' ? this.#options.logFile(service) : null;
    if (place !== null && ready?.pattern != null) {
      const from = markEnd(place.path);
      makeFolders(this.#folder, 0o700);
      // For the next opsd, if this one is killed before the service is ready.
      writeFileSync(this.#pathOf(service, generation), `${from.ino} ${from.offset}\n`, { mode: 0o600 });
      this.#readLog(service, generation, place, from, ready.pattern, timestamps);
    }
    return NOTHING;
  }

  /** Listens on for a generation that an earlier opsd started; it may have become ready since. */
  resume(service: string, generation: number, { policy: { ready, timestamps } }: ServiceSpec): void {
    const path = this.#pathOf(service, generation);
    try {
      if (ready?.on === 'fd' && lstatSync(path).isFIFO()) {
        this.#listen(service, generation, new NotifyPipe(path, this.#tell(service, generation)));
      } else if (ready?.on === 'log' && ready.pattern !== null) {
        const log = this.#options.logFile(service);
        if (log !== null) this.#readLog(service, generation, log, readMark(path), ready.pattern, timestamps);
      }
    } catch {
      // The service was ready already, or was started with another way to report it: its readiness timeout decides.
    }
  }

  /** The service is ready, or has ended. */
  end(service: string, generation: number): void {
    const key = fileOf(service, generation);
    const listening = this.#listening.get(key);
    if (listening === undefined) return;
    this.#listening.delete(key);
    listening[Symbol.dispose]();
    removeQuietly(this.#pathOf(service, generation));
  }

  /** Removes the files of generations that no listener is for. */
  sweep(): void {
    let names: string[] = [];
    try {
      names = readdirSync(this.#folder);
    } catch {
      // No service ever used such a file.
    }
    for (const name of names) if (!this.#listening.has(name)) removeQuietly(join(this.#folder, name));
  }

  #readLog(
    service: string,
    generation: number,
    place: LogPlace,
    from: LogPosition,
    pattern: string,
    hasStamps: boolean,
  ): void {
    const onMatch = this.#tell(service, generation);
    const onFirst = () => this.#options.report({ type: 'wrote', service, generation });
    const linear = linearPattern(pattern);
    // `opsd check` refuses such a pattern; an adopted service may have one from an earlier version.
    if (linear === null) return;
    const { clock } = this.#options;
    this.#listen(
      service,
      generation,
      new LogLine({ ...place, from, pattern: linear, hasStamps, onMatch, onFirst, clock, turns: this.#turns }),
    );
  }

  #listen<T extends Disposable>(service: string, generation: number, listening: T): T {
    this.#listening.set(fileOf(service, generation), listening);
    return listening;
  }

  #tell(service: string, generation: number): () => void {
    return () => {
      if (!this.#listening.has(fileOf(service, generation))) return;
      this.end(service, generation);
      this.#options.report({ type: 'ready', service, generation });
    };
  }

  #pathOf(service: string, generation: number): string {
    return join(this.#folder, fileOf(service, generation));
  }

  /** The files stay: what services still write there is for the next opsd. */
  [Symbol.dispose](): void {
    for (const listening of this.#listening.values()) listening[Symbol.dispose]();
    this.#listening.clear();
  }
}

function fileOf(service: string, generation: number): string {
  return `${service}.${generation}`;
}

function readMark(path: string): LogPosition {
  const [ino = 0, offset = 0] = readFileSync(path, 'latin1').split(' ').map(Number);
  return { ino, offset };
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The file was removed already, with the run directory.
  }
}
