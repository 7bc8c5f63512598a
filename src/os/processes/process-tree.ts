// Decides which processes belong to a generation: its session, its cgroup, and the processes that carry its marker and
// may do so.

import type { Millis } from '../../core/model/spec.ts';
import type { Identity } from '../../runtime/ports.ts';
import { bootId, isSame, readStat } from '../proc/identity.ts';
import type { Process } from '../proc/known-process.ts';
import type { Snapshot } from '../proc/process-table.ts';
import type { Child, SignalTarget } from '../proc/signals.ts';

/** A generation, seen as the set of its processes. */
export interface Tree {
  readonly service: string;
  readonly generation: number;
  /** The user id that the service runs as. A process of another user may carry a forged marker. */
  readonly uid: number;
  /**
   * The main process. Its PID is also the number of the session and of the process group that it leads. PID 0: it is
   * unknown.
   */
  readonly main: Identity;
  /** The main process as a child of opsd; null: an earlier opsd started it. */
  readonly child: Child | null;
  mainAlive: boolean;
  /** Path of the generation's cgroup; null: it has none. */
  readonly cgroup: string | null;
  /** All processes but the main process, by PID, as of the last process scan. */
  members: ReadonlyMap<number, Process>;
  /** The tree was scanned since its main process ended, or since it was adopted without one. */
  isScanned: boolean;
  /**
   * When the main process was last known to hold its PID, and with it the numbers of its group and session
   * (`ticksNow`).
   */
  pidHeldUntil: number;
  /** When SIGKILL was first sent; null: the tree is not being killed. */
  killingSince: Millis | null;
  /**
   * Since when scans find the tree empty without being sure of it, as processes came and went meanwhile; null: no such
   * scan.
   */
  doubtedSince: Millis | null;
  /** The log line about survivors of SIGKILL was written. */
  areSurvivorsLogged: boolean;
  /** When the next scan of this tree is due; null: none is. */
  dueAt: Millis | null;
  /** How long to wait after the next scan that finds no change. */
  nextWait: Millis;
}

interface NewTree {
  readonly service: string;
  readonly generation: number;
  readonly uid: number;
  /** null: the main process is unknown. */
  readonly main: Identity | null;
  readonly isMainAlive: boolean;
  readonly child: Child | null;
  readonly cgroup: string | null;
  /** Members that are known already. */
  readonly members: ReadonlyMap<number, Process>;
}

export function newTree({ service, generation, uid, main, isMainAlive, child, cgroup, members }: NewTree): Tree {
  return {
    service,
    generation,
    uid,
    main: main ?? { pid: 0, startTime: 0, bootId: bootId() },
    child,
    mainAlive: isMainAlive,
    cgroup,
    members,
    isScanned: false,
    pidHeldUntil: 0,
    killingSince: null,
    doubtedSince: null,
    areSurvivorsLogged: false,
    dueAt: null,
    nextWait: 0,
  };
}

export const treeKey = (service: string, generation: number): string => `${generation}:${service}`;

const ownUid = process.getuid?.() ?? 0;

/**
 * Whether a marker in this process can be trusted: any user can put any text into the environment of his own processes.
 */
export function mayCarry(uid: number, { uid: owner }: Process): boolean {
  return owner === 0 || owner === uid || owner === ownUid;
}

/** The processes of one scan, indexed by marker, session and PID. */
export class TreeIndex {
  readonly #byMarker = new Map<string, Process[]>();
  readonly #bySession = new Map<number, Process[]>();
  readonly #byPid = new Map<number, Process>();

  constructor(snapshot: Snapshot) {
    for (const process of snapshot.processes) {
      this.#byPid.set(process.pid, process);
      put(this.#bySession, process.session, process);
      if (process.marker) put(this.#byMarker, treeKey(process.marker.service, process.marker.generation), process);
    }
  }

  /**
   * All processes of the tree except its living main process. `inCgroup`: the PIDs that the kernel lists in its cgroup.
   */
  membersOf(tree: Tree, inCgroup: readonly number[]): Map<number, Process> {
    const members = new Map<number, Process>();
    const accept = (process: Process) => {
      if (!(tree.mainAlive && process.pid === tree.main.pid)) members.set(process.pid, process);
    };
    for (const pid of inCgroup) {
      const process = this.#byPid.get(pid);
      if (process) acceptHeld(process, accept);
    }
    const session = this.#sessionOf(tree);
    const doubtful: Process[] = [];
    for (const process of this.#byMarker.get(treeKey(tree.service, tree.generation)) ?? []) {
      const isInSession = session.length > 0 && process.session === tree.main.pid;
      if (isInSession || isKnown(tree, process) || mayCarry(tree.uid, process)) accept(process);
      else doubtful.push(process);
    }
    // The kernel does not reuse the number of a session that has members. So this is the session of our main process as
    // long as that holds its PID, or the session has a member that was started before the PID was lost or that is known
    // already.
    const isOurs =
      session.length > 0 &&
      (session.some((one) => members.has(one.pid) || isKnown(tree, one) || one.startTime < tree.pidHeldUntil) ||
        holdsNumber(tree));
    if (isOurs) for (const process of session) accept(process);
    acceptRelatives(tree, members, doubtful, accept);
    return members;
  }

  /** Processes in the session with our main process's number; none when another process leads that session now. */
  #sessionOf(tree: Tree): readonly Process[] {
    if (tree.main.pid === 0) return [];
    const leader = this.#byPid.get(tree.main.pid);
    if (leader && leader.startTime !== tree.main.startTime) return [];
    return this.#bySession.get(tree.main.pid) ?? [];
  }
}

/**
 * Accepts processes of another user whose parent or session leader belongs to the tree: workers that dropped their
 * privileges.
 */
function acceptRelatives(
  tree: Tree,
  members: ReadonlyMap<number, Process>,
  doubtful: readonly Process[],
  accept: (process: Process) => void,
): void {
  const isOurs = (pid: number) => members.has(pid) || (tree.mainAlive && pid === tree.main.pid);
  for (let left = doubtful; left.length > 0; ) {
    const strangers: Process[] = [];
    for (const process of left) {
      if (isOurs(process.parent) || isOurs(process.session)) accept(process);
      else strangers.push(process);
    }
    if (strangers.length === left.length) return;
    left = strangers;
  }
}

/** The main process holds its PID now. The scan is over, so it held it during the scan, too. */
function holdsNumber({ child, mainAlive, main }: Tree): boolean {
  return mainAlive && (child === null ? isSame(main) : child.hold === 'held');
}

function isKnown(tree: Tree, process: Process): boolean {
  return tree.members.get(process.pid)?.startTime === process.startTime;
}

/** The kernel says that it belongs to us: so its start time may be asked for, whoever its user is. */
function acceptHeld(process: Process, accept: (process: Process) => void): void {
  if (process.startTime > 0) return accept(process);
  const stat = readStat(process.pid);
  if (typeof stat !== 'string') accept({ ...process, startTime: stat.startTime });
}

function put<K>(map: Map<K, Process[]>, key: K, process: Process): void {
  const list = map.get(key);
  if (list) list.push(process);
  else map.set(key, [process]);
}

export function identityOfProcess(process: Process): Identity {
  return { pid: process.pid, startTime: process.startTime, bootId: bootId() };
}

/** Targets for a signal to the process group that the main process leads or led, the best proof first. */
export function groupTargets(tree: Tree): SignalTarget[] {
  const group = tree.main.pid;
  if (tree.mainAlive && tree.child) return [{ to: 'child_group', child: tree.child }];
  const witnesses = tree.mainAlive ? [tree.main] : [];
  for (const process of tree.members.values()) if (process.group === group) witnesses.push(identityOfProcess(process));
  return witnesses.map((witness) => ({ to: 'group', group, witness }));
}
