// Looks at files of services in the background: a disk that does not answer holds a few threads, never the loop, and not the looks of others.

import { type BigIntStats, stat } from 'node:fs';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import { monotonic } from '../../runtime/clock.ts';

/** Of the threads that Node has for files (main.ts asks for eight): logs and lookups need some. */
const MOST_AT_ONCE = 4;
/** A look that takes longer hangs. */
const HANGS_AFTER: Millis = 1_000;
/** Hanging looks that one user can cause; the others are for the services of others. */
const MOST_HANGING_OF_USER = 2;

/** More devices are not kept: what is forgotten is known again after the next look. */
const MOST_KEPT = 20_000;

/** What was found, links followed; null: nothing that can be looked at. `isMissing`: nothing is there. */
type Seen = (found: BigIntStats | null, isMissing: boolean) => void;

interface Look {
  readonly path: string;
  readonly uid: number;
  readonly seen: Seen;
  since: Millis;
}

let hanging = 0;

/** Is there a thread that exit(3) would wait for? */
export function isThreadHanging(): boolean {
  return hanging > 0;
}

export class BackgroundLooks {
  readonly #underWay = new Map<string, Look>();
  readonly #waiting = new Map<string, Look>();
  /** Where each path was found last. */
  readonly #devices = new Map<string, bigint>();
  readonly #stat: typeof stat;

  constructor(look: typeof stat = stat) {
    this.#stat = look;
  }

  /**
   * `uid`: whose file it is, as far as that is known. At most one look at a path at a time, and
   * one that waits for its end. False: it hangs, or another does that is on the same device.
   */
  ask(path: string, uid: number, seen: Seen): boolean {
    const now = monotonic();
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

  #late(now: Millis): readonly Look[] {
    return [...this.#underWay.values()].filter(({ since }) => now - since > HANGS_AFTER);
  }

  #begin(now: Millis): void {
    for (const look of this.#waiting.values()) {
      if (this.#underWay.size >= MOST_AT_ONCE) return;
      if (this.#underWay.has(look.path)) continue;
      this.#waiting.delete(look.path);
      // It is asked for again at its next look.
      if (this.#late(now).filter(({ uid }) => uid === look.uid).length >= MOST_HANGING_OF_USER) continue;
      look.since = now;
      this.#underWay.set(look.path, look);
      this.#stat(look.path, { bigint: true }, (error, found) => this.#end(look, error, found));
    }
  }

  #end(look: Look, error: NodeJS.ErrnoException | null, found: BigIntStats): void {
    this.#underWay.delete(look.path);
    const now = monotonic();
    hanging = this.#late(now).length;
    if (this.#devices.size >= MOST_KEPT) this.#devices.clear();
    if (error === null) this.#devices.set(look.path, found.dev);
    this.#begin(now);
    look.seen(error === null ? found : null, error !== null && codeOf(error) === 'ENOENT');
  }
}
