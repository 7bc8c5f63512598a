// Stats files of services in the background: a disk that does not answer blocks a few threads, never the event loop and
// not the checks of other services.

import { type BigIntStats, stat } from 'node:fs';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';

/** Of Node's thread pool (main.ts asks for eight threads): logs and lookups need some, too. */
const MOST_AT_ONCE = 4;
/** A stat(2) that takes longer counts as hanging. */
const HANGS_AFTER: Millis = 1_000;
/** Hanging stats that one user can cause; the remaining threads are for services of other users. */
const MOST_HANGING_OF_USER = 2;

/** Upper limit of the devices remembered: a forgotten one is known again after the next stat. */
const MOST_KEPT = 20_000;

/** `found`: the file, links followed; null: it cannot be read. `isMissing`: nothing has this name. */
type Seen = (found: BigIntStats | null, isMissing: boolean) => void;

interface PendingStat {
  readonly path: string;
  readonly uid: number;
  readonly seen: Seen;
  since: Millis;
}

let hanging = 0;

/** Whether a thread hangs for which exit(3) would wait. */
export function isThreadHanging(): boolean {
  return hanging > 0;
}

export class BackgroundStat {
  readonly #inProgress = new Map<string, PendingStat>();
  readonly #waiting = new Map<string, PendingStat>();
  /** The device on which each path was found last. */
  readonly #devices = new Map<string, bigint>();
  readonly #clock: Pick<Clock, 'now'>;
  readonly #stat: typeof stat;

  constructor(clock: Pick<Clock, 'now'>, look: typeof stat = stat) {
    this.#clock = clock;
    this.#stat = look;
  }

  /**
   * Stats `path` in the background. `uid`: the owner of the file, as far as known. Each path has at most one stat in
   * progress and one that waits. False: a stat of this path, or of another on the same device, hangs.
   */
  ask(path: string, uid: number, seen: Seen): boolean {
    const now = this.#clock.now();
    if (this.#hangs(path, now)) return false;
    if (!this.#waiting.has(path)) this.#waiting.set(path, { path, uid, seen, since: now });
    this.#begin(now);
    return true;
  }

  forget(path: string): void {
    this.#waiting.delete(path);
    this.#devices.delete(path);
  }

  #hangs(path: string, now: Millis): boolean {
    const device = this.#devices.get(path);
    const late = this.#late(now);
    hanging = late.length;
    return late.some((look) => look.path === path || (device !== undefined && this.#devices.get(look.path) === device));
  }

  #late(now: Millis): readonly PendingStat[] {
    return [...this.#inProgress.values()].filter(({ since }) => now - since > HANGS_AFTER);
  }

  #begin(now: Millis): void {
    for (const look of this.#waiting.values()) {
      if (this.#inProgress.size >= MOST_AT_ONCE) return;
      if (this.#inProgress.has(look.path)) continue;
      this.#waiting.delete(look.path);
      // Dropped: the caller asks again at its next check.
      if (this.#late(now).filter(({ uid }) => uid === look.uid).length >= MOST_HANGING_OF_USER) continue;
      look.since = now;
      this.#inProgress.set(look.path, look);
      this.#stat(look.path, { bigint: true }, (error, found) => this.#end(look, error, found));
    }
  }

  #end(look: PendingStat, error: NodeJS.ErrnoException | null, found: BigIntStats): void {
    this.#inProgress.delete(look.path);
    const now = this.#clock.now();
    hanging = this.#late(now).length;
    if (this.#devices.size >= MOST_KEPT) this.#devices.clear();
    if (error === null) this.#devices.set(look.path, found.dev);
    this.#begin(now);
    look.seen(error === null ? found : null, error !== null && codeOf(error) === 'ENOENT');
  }
}
