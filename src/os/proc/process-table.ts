// The process scan: reads all processes of the host, finds those that carry our marker, and how all are related.

import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { readUser, userOf } from '../procfs/owner.ts';
import { isWithheldUser } from '../procfs/withheld.ts';
import { isLiving, listProcesses, type ProcessStat, readStat } from './identity.ts';
import { isOfInterest, type KnownProcess, knownProcess, type Process, withUser } from './known-process.ts';
import { type Marker, parseMarker, readMarker } from './marker.ts';
import { type Outline, readOutline } from './outline.ts';
import type { Work } from './turns.ts';

export interface Snapshot {
  readonly processes: readonly Process[];
  /**
   * Processes came, went or were in the middle of an exec during the scan: a caller that finds nothing should scan
   * again.
   */
  readonly unsettled: boolean;
}

/** Kernel threads rarely come and go, and larger hosts have hundreds of them. */
const KERNEL_THREAD_FRESH: Millis = 1_000;
/**
 * A foreign process cannot enter our sessions or get our marker, and its PID is reused only after all others were. So
 * scans that follow one another closely need not read a thousand foreign processes each time.
 */
const FOREIGN_FRESH: Millis = 500;
/**
 * A process shows an empty environment during an exec: for microseconds, or longer on a loaded host. After this time
 * the environment counts as empty. It is still read again at each scan, as a slow disk may delay an exec, too.
 */
const EMPTY_FOR: Millis = 100;

/** What opsd knows of its processes without a scan. */
export interface Ours {
  /** Whether the PID is a living main process. The scan skips it: its end is noticed otherwise. */
  isMain(pid: number): boolean;
  /** Whether a main process leads or led this session. */
  isSession(session: number): boolean;
}

export interface Users {
  has(uid: number): boolean;
}

const ownUid = process.getuid?.() ?? 0;

/**
 * Whether a marker of this user's process may be trusted by itself. Other users' processes need a relative in the tree.
 */
function mayMatter(uid: number, users: Users): boolean {
  return uid === 0 || uid === ownUid || users.has(uid);
}

export class ProcessTable {
  readonly #runDir: string;
  readonly #ours: Ours;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #remembered = new Map<number, KnownProcess>();
  #scans = 0;

  constructor(runDir: string, ours: Ours, clock: Pick<Clock, 'now'>) {
    this.#runDir = runDir;
    this.#ours = ours;
    this.#clock = clock;
  }

  /**
   * Scans all processes. null: no descriptor is left for /proc. `users`: the user ids of the services that are looked
   * for. Of other users only relatives of a service are read: there may be thousands of foreign processes with
   * megabytes of environment each. `onMarked` is called for each process with a marker the moment it is found: a
   * process that forks and ends all the time is gone before the scan is over.
   */
  *scan(users: Users, onMarked: (process: Process) => void = () => {}): Work<Snapshot | null> {
    this.#scans += 1;
    const number = this.#scans;
    const now = this.#clock.now();
    const processes: Process[] = [];
    const unread = new Map<number, Process>();
    let unsettled = false;
    const pids = listProcesses();
    if (pids === null) return null;
    const keep = (pid: number, met: KnownProcess) => {
      this.#remembered.set(pid, met);
      met.seenIn = number;
      unsettled ||= met.standing === 'unclear';
      if (met.process?.marker) onMarked(met.process);
      if (met.process && met.unreadOf !== null) unread.set(pid, met.process);
      else if (met.process) processes.push(met.process);
    };
    // New processes first, the newest before all: they may be gone soonest, and with them the link to their children.
    const inOrder = [
      ...pids.filter((pid) => !this.#remembered.has(pid)).reverse(),
      ...pids.filter((pid) => this.#remembered.has(pid)),
    ];
    for (const pid of inOrder) {
      yield;
      if (pid === process.pid || this.#ours.isMain(pid)) continue;
      const known = this.#remembered.get(pid);
      const isFresh = known && known.freshUntil > now && (known.unreadOf === null || !mayMatter(known.unreadOf, users));
      const met = isFresh ? known : this.#inspect(pid, known ?? null, now, users);
      if (met === 'exhausted') return null;
      if (met === 'gone') unsettled ||= known === undefined || isOfInterest(known);
      else keep(pid, met);
    }
    for (let isNews = true; isNews; ) {
      isNews = false;
      for (const [pid, stat] of unread) {
        yield;
        if (!this.#isRelative(stat) || this.#isWithheld(pid)) continue;
        unread.delete(pid);
        const met = this.#inspectRelative(pid, now);
        if (met === 'exhausted') return null;
        if (met === 'gone') unsettled = true;
        else keep(pid, met);
        isNews = true;
      }
    }
    processes.push(...unread.values());
    for (const [pid, { seenIn }] of this.#remembered) if (seenIn < number) this.#remembered.delete(pid);
    return { processes, unsettled };
  }

  /** Of a stranger nothing is read that he could make opsd wait for (outline.ts). */
  #inspect(pid: number, known: KnownProcess | null, now: Millis, users: Users): KnownProcess | 'gone' | 'exhausted' {
    const outline = readOutline(pid);
    if (outline === 'exhausted') return outline;
    if (typeof outline === 'string') return 'gone';
    if (outline === null) return this.#inspectWhole(pid, known, now, null, users);
    const { uid } = outline;
    if (isWithheldUser(uid)) return this.#inspectStranger(outline, now);
    const isOurs = known !== null && known.process !== null && isOfInterest(known) && known.unreadOf === null;
    if (mayMatter(uid, users) || (isOurs && known.user === uid)) return this.#inspectWhole(pid, known, now, uid, users);
    return this.#inspectStranger(outline, now);
  }

  #inspectStranger({ uid, ...outline }: Outline, now: Millis): KnownProcess {
    const stat = { ...outline, startTime: 0, isKernelThread: false };
    const freshUntil = now + FOREIGN_FRESH;
    if (!isLiving(stat)) {
      return this.#isRelative(stat)
        ? knownProcess(stat, { standing: 'unclear' })
        : knownProcess(stat, { standing: 'ended', freshUntil });
    }
    const process = { ...stat, marker: null, uid: null };
    return knownProcess(stat, { standing: 'foreign', process, unreadOf: uid, user: uid, freshUntil });
  }

  #inspectWhole(
    pid: number,
    known: KnownProcess | null,
    now: Millis,
    user: number | null,
    users: Users,
  ): KnownProcess | 'gone' | 'exhausted' {
    const stat = readStat(pid);
    if (stat === 'forbidden') return 'gone';
    if (typeof stat === 'string') return stat;
    const before = known?.startTime === stat.startTime ? known : null;
    if (stat.isKernelThread) return knownProcess(stat, { standing: 'foreign', freshUntil: now + KERNEL_THREAD_FRESH });
    if (!isLiving(stat)) return this.#ended(stat, before, now);
    const uid = user ?? readUser(pid);
    if (uid === 'exhausted') return uid;
    if (typeof uid === 'string') return this.#ended(stat, before, now);
    const isRead = before !== null && before.unreadOf === null;
    if (isRead || user !== null || mayMatter(uid, users)) return withUser(this.#read(stat, before, now), uid);
    const process = { ...stat, marker: null, uid: null };
    return knownProcess(stat, {
      standing: 'foreign',
      process,
      unreadOf: uid,
      user: uid,
      freshUntil: now + FOREIGN_FRESH,
    });
  }

  /** A stranger by his user, a relative of a service by parent or session. */
  #inspectRelative(pid: number, now: Millis): KnownProcess | 'gone' | 'exhausted' {
    const stat = readStat(pid);
    if (stat === 'forbidden') return 'gone';
    if (typeof stat === 'string') return stat;
    const known = this.#remembered.get(pid) ?? null;
    return withUser(this.#read(stat, known, now), known?.user ?? null);
  }

  /**
   * Whether the process is in a session of a service, or a child of a service or of one of its session members that
   * dropped privileges.
   */
  #isRelative({ parent, session }: ProcessStat): boolean {
    if (this.#ours.isMain(parent) || this.#ours.isSession(session)) return true;
    const isOurs = (pid: number) => {
      const standing = this.#remembered.get(pid)?.standing;
      return standing === 'ours' || standing === 'unclear';
    };
    return isOurs(parent) || isOurs(session);
  }

  /** Its user hung opsd: it stays as the outline has it. */
  #isWithheld(pid: number): boolean {
    const user = this.#remembered.get(pid)?.unreadOf ?? null;
    return user !== null && isWithheldUser(user);
  }

  #read(stat: ProcessStat, before: KnownProcess | null, now: Millis): KnownProcess | 'exhausted' {
    const { pid } = stat;
    const wasRead = before !== null && before.unreadOf === null;
    const isClear = wasRead && before.standing !== 'unclear' && before.emptySince === null;
    const found = isClear ? before.marker : this.#markerOf(pid);
    if (found === 'exhausted') return found;
    if (found === 'empty') {
      const emptySince = before?.emptySince ?? now;
      const process = { ...stat, marker: null, uid: null };
      if (this.#ours.isSession(stat.session)) return knownProcess(stat, { standing: 'ours', process, emptySince });
      if (now - emptySince < EMPTY_FOR) return knownProcess(stat, { standing: 'unclear', process, emptySince });
      return knownProcess(stat, { standing: 'foreign', process, emptySince, freshUntil: now + FOREIGN_FRESH });
    }
    const marker = found;
    const uid = marker && userOf(pid);
    if (marker && uid === null) return this.#ended(stat, before, now);
    const process = { ...stat, marker, uid };
    if (marker || this.#ours.isSession(stat.session)) return knownProcess(stat, { standing: 'ours', marker, process });
    return knownProcess(stat, { standing: 'foreign', process, freshUntil: now + FOREIGN_FRESH });
  }

  #markerOf(pid: number): Marker | 'empty' | 'exhausted' | null {
    const found = readMarker(pid);
    if (found === 'exhausted') return found;
    if (found === 'empty' || found === 'gone') return 'empty';
    const marker = found === 'none' ? null : parseMarker(found.text);
    return marker?.runDir === this.#runDir ? marker : null;
  }

  #ended(stat: ProcessStat, before: KnownProcess | null, now: Millis): KnownProcess {
    const parent = this.#remembered.get(stat.parent);
    // A zombie is no news under a foreign parent of the same session that is no reaper of orphans: a process that left
    // a service would be in another session.
    const hasForeignParent = parent?.standing === 'foreign' && parent.process?.session === stat.session;
    const isNews = before === null ? !hasForeignParent : before.process !== null && isOfInterest(before);
    if (isNews) return knownProcess(stat, { standing: 'unclear' });
    return knownProcess(stat, { standing: 'ended', freshUntil: now + FOREIGN_FRESH });
  }
}
