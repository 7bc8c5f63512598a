// One look at all processes of the host: those that carry our marker, and how all of them hang together.

import type { Millis } from '../../core/model/spec.ts';
import { monotonic } from '../../runtime/clock.ts';
import { isLiving, listProcesses, type ProcessStat, readProcFile, readStat, type Unread } from './identity.ts';
import { type Marker, parseMarker, readMarker } from './marker.ts';
import type { Work } from './turns.ts';

/** A living process that is not the main process of a service. */
export interface Process extends ProcessStat {
  /** Of this run directory; null: it carries none. */
  readonly marker: Marker | null;
  /** The real user id of one with a marker; null: nobody asks for that of others. */
  readonly uid: number | null;
}

export interface Snapshot {
  readonly processes: readonly Process[];
  /** Some came or went or were being replaced by exec while we looked: who finds nothing should look again. */
  readonly unsettled: boolean;
}

/**
 * `ours`: it carries a marker or is in a session of ours. `unclear`: it is just being replaced by exec, or has just ended
 * and may have left children that are not in our list.
 */
type Standing = 'ours' | 'foreign' | 'unclear' | 'ended';

/** What is remembered of a process between two looks: its environment does not change, unless it replaces itself. */
interface Remembered {
  readonly startTime: number;
  readonly marker: Marker | null;
  readonly standing: Standing;
  /** As it was last seen; null: a kernel thread, or one that ended. */
  readonly process: Process | null;
  /** It is not even looked at until then. */
  readonly freshUntil: Millis;
  /** Since when its environment is found empty; null: it is not. */
  readonly emptySince: Millis | null;
  /** Its user, as which nothing runs that was looked for: nobody has read its environment. null: it was read. */
  readonly unreadOf: number | null;
  seenIn: number;
}

/** Kernel threads come and go seldom, and there are hundreds of them on larger hosts. */
const KERNEL_THREAD_FRESH: Millis = 1_000;
/**
 * Other people's processes can neither enter our sessions nor get our marker, and their numbers are not used again before
 * all others were: looks that follow one another closely need not read a thousand of them each time.
 */
const FOREIGN_FRESH: Millis = 500;
/**
 * An exec in progress shows an empty environment: for microseconds, or for as long as a loaded host lets it wait. One that
 * is empty for longer is taken for empty; it is read again all the same, as a slow disk may keep an exec waiting, too.
 */
const EMPTY_FOR: Millis = 100;

/** What is known without a look. */
export interface Ours {
  /** Is it a living main process? Such a one is watched otherwise. */
  isMain(pid: number): boolean;
  /** Is or was it led by a main process? */
  isSession(session: number): boolean;
}

export interface Users {
  has(uid: number): boolean;
}

const ownUid = process.getuid?.() ?? 0;

/** Of others a marker is believed only with kin. */
function mayMatter(uid: number, users: Users): boolean {
  return uid === 0 || uid === ownUid || users.has(uid);
}

export class ProcessTable {
  readonly #runDir: string;
  readonly #ours: Ours;
  readonly #remembered = new Map<number, Remembered>();
  #looks = 0;

  constructor(runDir: string, ours: Ours) {
    this.#runDir = runDir;
    this.#ours = ours;
  }

  /**
   * null: opsd has no descriptor left to look with, nothing can be said. `users`: those of the services that are looked
   * for. Of other users only kin of a service is read: whom opsd has nothing to do with may have thousands of processes
   * with megabytes of environment each. `onMarked` is told of each process with a marker the moment it is found: one that
   * forks and ends all the time is gone before the look is over.
   */
  *look(users: Users, onMarked: (process: Process) => void = () => {}): Work<Snapshot | null> {
    this.#looks += 1;
    const number = this.#looks;
    const now = monotonic();
    const processes: Process[] = [];
    const unread = new Map<number, Process>();
    let unsettled = false;
    const pids = listProcesses();
    if (pids === null) return null;
    const keep = (pid: number, met: Remembered) => {
      this.#remembered.set(pid, met);
      met.seenIn = number;
      unsettled ||= met.standing === 'unclear';
      if (met.process?.marker) onMarked(met.process);
      if (met.process && met.unreadOf !== null) unread.set(pid, met.process);
      else if (met.process) processes.push(met.process);
    };
    // The newest first, as they may be gone soonest, and with them the trace to their children.
    const inOrder = [
      ...pids.filter((pid) => !this.#remembered.has(pid)).reverse(),
      ...pids.filter((pid) => this.#remembered.has(pid)),
    ];
    for (const pid of inOrder) {
      yield;
      if (pid === process.pid || this.#ours.isMain(pid)) continue;
      const known = this.#remembered.get(pid);
      const isFresh = known && known.freshUntil > now && (known.unreadOf === null || !mayMatter(known.unreadOf, users));
      const met = isFresh ? known : this.#meet(pid, known ?? null, now, users);
      if (met === 'exhausted') return null;
      if (met === 'gone') unsettled ||= known === undefined || isOfInterest(known);
      else keep(pid, met);
    }
    for (let isNews = true; isNews; ) {
      isNews = false;
      for (const [pid, stat] of unread) {
        yield;
        if (!this.#isKin(stat)) continue;
        unread.delete(pid);
        const met = this.#read(stat, this.#remembered.get(pid) ?? null, now);
        if (met === 'exhausted') return null;
        keep(pid, met);
        isNews = true;
      }
    }
    processes.push(...unread.values());
    for (const [pid, { seenIn }] of this.#remembered) if (seenIn < number) this.#remembered.delete(pid);
    return { processes, unsettled };
  }

  #meet(pid: number, known: Remembered | null, now: Millis, users: Users): Remembered | 'gone' | 'exhausted' {
    const stat = readStat(pid);
    if (stat === 'forbidden') return 'gone';
    if (typeof stat === 'string') return stat;
    const before = known?.startTime === stat.startTime ? known : null;
    if (stat.isKernelThread) return remember(stat, { standing: 'foreign', freshUntil: now + KERNEL_THREAD_FRESH });
    if (!isLiving(stat)) return this.#ended(stat, before, now);
    const isRead = before !== null && before.unreadOf === null;
    const uid = isRead ? null : readUser(pid);
    if (uid === 'exhausted') return uid;
    if (typeof uid === 'string') return this.#ended(stat, before, now);
    if (uid === null || mayMatter(uid, users)) return this.#read(stat, before, now);
    const process = { ...stat, marker: null, uid: null };
    return remember(stat, { standing: 'foreign', process, unreadOf: uid, freshUntil: now + FOREIGN_FRESH });
  }

  /** Those in a session of ours, and children of ours and of session members of ours that gave up their rights. */
  #isKin({ parent, session }: ProcessStat): boolean {
    if (this.#ours.isMain(parent) || this.#ours.isSession(session)) return true;
    const isOurs = (pid: number) => {
      const standing = this.#remembered.get(pid)?.standing;
      return standing === 'ours' || standing === 'unclear';
    };
    return isOurs(parent) || isOurs(session);
  }

  #read(stat: ProcessStat, before: Remembered | null, now: Millis): Remembered | 'exhausted' {
    const { pid } = stat;
    const wasRead = before !== null && before.unreadOf === null;
    const isClear = wasRead && before.standing !== 'unclear' && before.emptySince === null;
    const found = isClear ? before.marker : this.#markerOf(pid);
    if (found === 'exhausted') return found;
    if (found === 'empty') {
      const emptySince = before?.emptySince ?? now;
      const process = { ...stat, marker: null, uid: null };
      if (this.#ours.isSession(stat.session)) return remember(stat, { standing: 'ours', process, emptySince });
      if (now - emptySince < EMPTY_FOR) return remember(stat, { standing: 'unclear', process, emptySince });
      return remember(stat, { standing: 'foreign', process, emptySince, freshUntil: now + FOREIGN_FRESH });
    }
    const marker = found;
    const uid = marker && userOf(pid);
    if (marker && uid === null) return this.#ended(stat, before, now);
    const process = { ...stat, marker, uid };
    if (marker || this.#ours.isSession(stat.session)) return remember(stat, { standing: 'ours', marker, process });
    return remember(stat, { standing: 'foreign', process, freshUntil: now + FOREIGN_FRESH });
  }

  #markerOf(pid: number): Marker | 'empty' | 'exhausted' | null {
    const found = readMarker(pid);
    if (found === 'exhausted') return found;
    if (found === 'empty' || found === 'gone') return 'empty';
    const marker = found === 'none' ? null : parseMarker(found.text);
    return marker?.runDir === this.#runDir ? marker : null;
  }

  #ended(stat: ProcessStat, before: Remembered | null, now: Millis): Remembered {
    const parent = this.#remembered.get(stat.parent);
    // Nobody escapes to a parent that is neither ours nor takes in orphans: that would be of another session.
    const hasForeignParent = parent?.standing === 'foreign' && parent.process?.session === stat.session;
    const isNews = before === null ? !hasForeignParent : before.process !== null && isOfInterest(before);
    if (isNews) return remember(stat, { standing: 'unclear' });
    return remember(stat, { standing: 'ended', freshUntil: now + FOREIGN_FRESH });
  }
}

function isOfInterest({ standing }: Remembered): boolean {
  return standing === 'ours' || standing === 'unclear';
}

function remember({ startTime }: ProcessStat, known: Partial<Remembered> & Pick<Remembered, 'standing'>): Remembered {
  return {
    startTime,
    marker: null,
    process: null,
    freshUntil: 0,
    emptySince: null,
    unreadOf: null,
    seenIn: 0,
    ...known,
  };
}

const status = Buffer.allocUnsafe(4096);

/**
 * The real user id. Not the owner of /proc/PID, which is root for every process that is not dumpable, and so for any
 * set-uid program that a user starts. null: gone, or not to be seen.
 */
export function userOf(pid: number): number | null {
  const uid = readUser(pid);
  return typeof uid === 'number' ? uid : null;
}

function readUser(pid: number): number | Unread {
  const length = readProcFile(`/proc/${pid}/status`, status);
  if (typeof length === 'string') return length;
  const [, uid] = /^Uid:\t(\d+)/m.exec(status.toString('latin1', 0, length)) ?? [];
  return uid === undefined ? 'gone' : Number(uid);
}
