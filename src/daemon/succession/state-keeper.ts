// Keeps the state file up to date: soon after each change, and before the outcome of a command is given.

import type { SavedService } from '../../core/adoption/saved-service.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { SavedServiceRecord } from '../../os/files/remembered.ts';
import type { StateFile } from '../../os/files/state-file.ts';
import type { Alarm, Clock } from '../../runtime/clock.ts';
import type { Identity } from '../../runtime/ports.ts';

/** Delay of a save. Only counters and times can be lost: processes are found by a process scan. */
const DELAY: Millis = 200;
const AFTER_FAILURE: Millis = 5_000;

/** Facts of a generation that only the service processes know. */
interface ProcessFacts {
  /** Identity of the main process, read when it was started; null: it is gone, or unknown. */
  identity(service: string, generation: number): Identity | null;
  /** The user id that the generation is to run as: /proc may still show the user of the exec chain. */
  uid(service: string, generation: number): number | null;
}

export class StateKeeper implements Disposable {
  readonly #file: Pick<StateFile, 'saveNow'>;
  readonly #memories: () => readonly SavedService[];
  #whose: ProcessFacts | null = null;
  readonly #alarm: Alarm;
  #isDirty = false;

  constructor(file: Pick<StateFile, 'saveNow'>, memories: () => readonly SavedService[], clock: Clock) {
    this.#alarm = clock.alarm(() => void this.saveNow());
    this.#file = file;
    this.#memories = memories;
  }

  /** Called when the takeover is done. Until then the state file of the predecessor is the best there is. */
  begin(whose: ProcessFacts): void {
    this.#whose = whose;
    if (this.#isDirty) this.#alarm.set(DELAY);
  }

  touch(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#alarm.set(DELAY);
  }

  /** False: the changes are not on disk. */
  saveNow(): boolean {
    const whose = this.#whose;
    if (!this.#isDirty) return true;
    if (whose === null) return false;
    const saved = this.#file.saveNow(this.#memories().map((memory) => toRemembered(memory, whose)));
    this.#isDirty = !saved;
    if (!saved) this.#alarm.set(AFTER_FAILURE);
    return saved;
  }

  [Symbol.dispose](): void {
    this.#isDirty = true;
    this.saveNow();
    this.#alarm[Symbol.dispose]();
  }
}

/**
 * The identity is not read by PID now: the PID may be a stranger's before the core has heard of the exit, and the next
 * opsd would adopt that.
 */
function toRemembered(memory: SavedService, whose: ProcessFacts): SavedServiceRecord {
  const { name, generation } = memory;
  const identity = memory.pid === null ? null : whose.identity(name, generation);
  const pid = identity?.pid ?? null;
  return { ...memory, pid, startTime: identity?.startTime ?? null, uid: whose.uid(name, generation) };
}
