// Keeps the state file close to the state: soon after each change, at once before a promise is given.

import type { Memory } from '../../core/adoption/saved-service.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { RememberedService } from '../../os/files/remembered.ts';
import type { StateFile } from '../../os/files/state-file.ts';
import { identityOf } from '../../os/proc/identity.ts';
import { Alarm } from '../../runtime/clock.ts';

/** What only the file knows (counters, times) may be lost for that long. Processes are found without it. */
const DELAY: Millis = 200;
const AFTER_FAILURE: Millis = 5_000;

interface Known {
  readonly generation: number;
  readonly pid: number;
  readonly startTime: number;
}

export class StateKeeper implements Disposable {
  readonly #file: StateFile;
  readonly #memories: () => readonly Memory[];
  readonly #uidOf: (service: string, generation: number) => number | null;
  /** Who the processes are does not change: it is looked up once. */
  readonly #known = new Map<string, Known>();
  readonly #alarm = new Alarm(() => void this.saveNow());
  #isDirty = false;

  /** `uidOf`: who it is to run as. What /proc says may be of the moment before it became that. */
  constructor(
    file: StateFile,
    memories: () => readonly Memory[],
    uidOf: (service: string, generation: number) => number | null,
  ) {
    this.#file = file;
    this.#memories = memories;
    this.#uidOf = uidOf;
  }

  touch(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#alarm.set(DELAY);
  }

  /** False: what has changed is not on disk. */
  saveNow(): boolean {
    if (!this.#isDirty) return true;
    const saved = this.#file.saveNow(this.#memories().map((memory) => this.#remember(memory)));
    this.#isDirty = !saved;
    if (!saved) this.#alarm.set(AFTER_FAILURE);
    return saved;
  }

  [Symbol.dispose](): void {
    this.#isDirty = true;
    this.saveNow();
    this.#alarm[Symbol.dispose]();
  }

  #remember(memory: Memory): RememberedService {
    const known = this.#identify(memory);
    const uid = this.#uidOf(memory.name, memory.generation);
    return { ...memory, pid: known?.pid ?? null, startTime: known?.startTime ?? null, uid };
  }

  #identify({ name, generation, pid }: Memory): Known | null {
    if (pid === null) {
      this.#known.delete(name);
      return null;
    }
    const before = this.#known.get(name);
    if (before?.generation === generation && before.pid === pid) return before;
    const identity = identityOf(pid);
    if (identity === null) return null;
    const known: Known = { generation, pid, startTime: identity.startTime };
    this.#known.set(name, known);
    return known;
  }
}
