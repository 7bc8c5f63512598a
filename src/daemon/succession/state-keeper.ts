// Keeps the state file close to the state: soon after each change, at once before a promise is given.

import type { SavedService } from '../../core/adoption/saved-service.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { SavedServiceRecord } from '../../os/files/remembered.ts';
import type { StateFile } from '../../os/files/state-file.ts';
import { Alarm } from '../../runtime/clock.ts';
import type { Identity } from '../../runtime/ports.ts';

/** What only the file knows (counters, times) may be lost for that long. Processes are found without it. */
const DELAY: Millis = 200;
const AFTER_FAILURE: Millis = 5_000;

/** What only the processes know of a generation. */
interface Whose {
  /** Of its main process, as it was when that was started; null: it is gone, or nobody knows. */
  identity(service: string, generation: number): Identity | null;
  /** Who it is to run as. What /proc says may be of the moment before it became that. */
  uid(service: string, generation: number): number | null;
}

export class StateKeeper implements Disposable {
  readonly #file: Pick<StateFile, 'saveNow'>;
  readonly #memories: () => readonly SavedService[];
  #whose: Whose | null = null;
  readonly #alarm = new Alarm(() => void this.saveNow());
  #isDirty = false;

  constructor(file: Pick<StateFile, 'saveNow'>, memories: () => readonly SavedService[]) {
    this.#file = file;
    this.#memories = memories;
  }

  /** What an earlier opsd left was taken over. Until then its own file is the best that there is. */
  begin(whose: Whose): void {
    this.#whose = whose;
    if (this.#isDirty) this.#alarm.set(DELAY);
  }

  touch(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#alarm.set(DELAY);
  }

  /** False: what has changed is not on disk. */
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

/** Not by the number, which may be a stranger's as long as the core has not heard of the end: the next opsd would adopt that. */
function toRemembered(memory: SavedService, whose: Whose): SavedServiceRecord {
  const { name, generation } = memory;
  const identity = memory.pid === null ? null : whose.identity(name, generation);
  const pid = identity?.pid ?? null;
  return { ...memory, pid, startTime: identity?.startTime ?? null, uid: whose.uid(name, generation) };
}
