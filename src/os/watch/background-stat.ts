// Stats files of services in the background: a disk that does not answer blocks a few threads, never the event loop, and
// only the checks of the user who is responsible for the path.

import { type BigIntStats, stat } from 'node:fs';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';

/** Of Node's thread pool (main.ts asks for twelve threads): logs and lookups need some, too. */
const MOST_AT_ONCE = 8;
/** A user whose path hangs has no second thread to hang. */
const MOST_OF_USER = 1;
/** Services of opsd's own user trust one another: a dead disk of one is no reason not to look at the others. */
const MOST_OF_OWN_USER = 2;
/** A stat(2) that takes longer counts as hanging. */
const HANGS_AFTER: Millis = 1_000;

/** Upper limit of the devices remembered: a forgotten one is known again after the next stat. */
const MOST_KEPT = 20_000;

/** `found`: the file, links followed; null: it cannot be read. `isMissing`: nothing has this name. */
type OnStat = (found: BigIntStats | null, isMissing: boolean) => void;

/**
 * asked: `seen` is called when the answer comes. hangs: the file system of this path does not answer. blocked: this path
 * cannot be looked at, because of the paths that hang elsewhere; nothing is known of it.
 */
export type StatRequest = 'asked' | 'hangs' | 'blocked';

interface PendingStat {
  readonly path: string;
  readonly lane: Lane;
  readonly seen: OnStat;
  since: Millis;
}

/** The stats on behalf of one user. */
interface Lane {
  readonly places: number;
  readonly inProgress: Map<string, PendingStat>;
  readonly waiting: Map<string, PendingStat>;
}

let hanging = 0;

/** Whether a thread hangs for which exit(3) would wait. */
export function isThreadHanging(): boolean {
  return hanging > 0;
}

export class BackgroundStat {
  /** In the order in which they get a thread. */
  readonly #lanes = new Map<number, Lane>();
  /** The device on which each path was found last. */
  readonly #devices = new Map<string, bigint>();
  readonly #clock: Pick<Clock, 'now'>;
  readonly #stat: typeof stat;
  readonly #ownUser = process.geteuid?.() ?? 0;
  #inProgress = 0;

  constructor(clock: Pick<Clock, 'now'>, look: typeof stat = stat) {
    this.#clock = clock;
    this.#stat = look;
  }

  /**
   * Stats `path` in the background for a service of user `uid` (null: of opsd's own). Each path has at most one stat in
   * progress and one that waits.
   */
  ask(path: string, uid: number | null, seen: OnStat): StatRequest {
    const now = this.#clock.now();
    const lane = this.#laneOf(uid ?? this.#ownUser);
    const late = lateOf(lane, now);
    if (this.#isOnSameDisk(path, late)) return 'hangs';
    if (!lane.waiting.has(path)) lane.waiting.set(path, { path, lane, seen, since: now });
    this.#begin(now);
    const isStuck = late.length >= lane.places || this.#countLate(now) >= MOST_AT_ONCE;
    return isStuck && lane.waiting.has(path) ? 'blocked' : 'asked';
  }

  forget(path: string): void {
    for (const lane of this.#lanes.values()) lane.waiting.delete(path);
    this.#devices.delete(path);
  }

  #laneOf(uid: number): Lane {
    const known = this.#lanes.get(uid);
    if (known !== undefined) return known;
    const places = uid === this.#ownUser ? MOST_OF_OWN_USER : MOST_OF_USER;
    const lane: Lane = { places, inProgress: new Map(), waiting: new Map() };
    this.#lanes.set(uid, lane);
    return lane;
  }

  /** Only paths of one user are compared: a user could let a path hang that was on the disk of everybody before. */
  #isOnSameDisk(path: string, late: readonly PendingStat[]): boolean {
    const device = this.#devices.get(path);
    return late.some((look) => look.path === path || (device !== undefined && this.#devices.get(look.path) === device));
  }

  #countLate(now: Millis): number {
    hanging = [...this.#lanes.values()].reduce((sum, lane) => sum + lateOf(lane, now).length, 0);
    return hanging;
  }

  #begin(now: Millis): void {
    for (const [uid, lane] of this.#lanes) {
      while (lane.inProgress.size < lane.places && this.#inProgress < MOST_AT_ONCE) {
        const next = nextOf(lane);
        if (next === undefined) break;
        this.#start(next, now);
        // The next thread is for somebody else.
        this.#lanes.delete(uid);
        this.#lanes.set(uid, lane);
      }
    }
  }

  #start(look: PendingStat, now: Millis): void {
    const { lane, path } = look;
    lane.waiting.delete(path);
    look.since = now;
    lane.inProgress.set(path, look);
    this.#inProgress += 1;
    this.#stat(path, { bigint: true }, (error, found) => this.#end(look, error, found));
  }

  #end(look: PendingStat, error: NodeJS.ErrnoException | null, found: BigIntStats): void {
    look.lane.inProgress.delete(look.path);
    this.#inProgress -= 1;
    const now = this.#clock.now();
    this.#countLate(now);
    if (this.#devices.size >= MOST_KEPT) this.#devices.clear();
    if (error === null) this.#devices.set(look.path, found.dev);
    this.#begin(now);
    look.seen(error === null ? found : null, error !== null && codeOf(error) === 'ENOENT');
  }
}

/** The first that waits; a path that is looked at already waits for the end of that. */
function nextOf({ waiting, inProgress }: Lane): PendingStat | undefined {
  for (const look of waiting.values()) if (!inProgress.has(look.path)) return look;
  return undefined;
}

function lateOf({ inProgress }: Lane, now: Millis): readonly PendingStat[] {
  return [...inProgress.values()].filter(({ since }) => now - since > HANGS_AFTER);
}
