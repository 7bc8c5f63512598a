// Which processes belong to a generation: its session, its cgroup, and whoever carries its marker and may do so.

import type { Millis } from '../../core/model/spec.ts';
import type { Identity } from '../../runtime/ports.ts';
import { bootId, isSame } from '../proc/identity.ts';
import type { Process, Snapshot } from '../proc/process-table.ts';
import type { Child, Target } from '../proc/signals.ts';

/** A generation as the hunt for its processes sees it. */
export interface Tree {
  readonly service: string;
  readonly generation: number;
  /** The user it runs as: a marker in a process of another user may be forged. */
  readonly uid: number;
  /** The main process. Its number is also that of the session and of the process group it leads. 0: nobody knows it. */
  readonly main: Identity;
  /** The main process as a direct child; null: an earlier opsd has started it. */
  readonly child: Child | null;
  mainAlive: boolean;
  /** Path of its cgroup; null: it has none. */
  readonly cgroup: string | null;
  /** The others, as of the last look. */
  members: ReadonlyMap<number, Process>;
  /** Was looked at since its main process ended, or since it was adopted without one. */
  looked: boolean;
  /** When the main process was last seen to hold its number, and so those of its group and session (`ticksNow`). */
  heldUntil: number;
  /** Since when it is being killed; null: it is not. */
  killingSince: Millis | null;
  /** Since when it was found empty while it was killed, but not for sure; null: it was not. */
  doubtedSince: Millis | null;
  /** The survivors of SIGKILL were told. */
  toldSurvivors: boolean;
  /** When somebody wants the next look at it; null: nobody. */
  dueAt: Millis | null;
  /** Wait after the next look that finds nothing new. */
  patience: Millis;
}

interface NewTree {
  readonly service: string;
  readonly generation: number;
  readonly uid: number;
  /** null: nobody knows which it was. */
  readonly main: Identity | null;
  readonly isMainAlive: boolean;
  readonly child: Child | null;
  readonly cgroup: string | null;
  /** Those known already. */
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
    looked: false,
    heldUntil: 0,
    killingSince: null,
    doubtedSince: null,
    toldSurvivors: false,
    dueAt: null,
    patience: 0,
  };
}

export const treeKey = (service: string, generation: number): string => `${generation}:${service}`;

const ownUid = process.getuid?.() ?? 0;

/** Is a marker in this process to be believed? A user may put anything into the environment of what he starts. */
export function mayCarry(uid: number, { uid: owner }: Process): boolean {
  return owner === 0 || owner === uid || owner === ownUid;
}

/** A snapshot, ordered for asking who belongs to whom. */
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

  /** All that belong to the tree but its living main process. `inCgroup`: PIDs the kernel holds in its cgroup. */
  membersOf(tree: Tree, inCgroup: readonly number[]): Map<number, Process> {
    const members = new Map<number, Process>();
    const accept = (process: Process) => {
      if (!(tree.mainAlive && process.pid === tree.main.pid)) members.set(process.pid, process);
    };
    for (const pid of inCgroup) {
      const process = this.#byPid.get(pid);
      if (process) accept(process);
    }
    const session = this.#sessionOf(tree);
    const doubtful: Process[] = [];
    for (const process of this.#byMarker.get(treeKey(tree.service, tree.generation)) ?? []) {
      const isInSession = session.length > 0 && process.session === tree.main.pid;
      if (isInSession || isKnown(tree, process) || mayCarry(tree.uid, process)) accept(process);
      else doubtful.push(process);
    }
    // A session's number is not used again while it has members. So it is the one that our main process led while that
    // holds its number, and as long as somebody is in it who was born before it lost it, or whom we know.
    const isOurs =
      session.length > 0 &&
      (session.some((one) => members.has(one.pid) || isKnown(tree, one) || one.startTime < tree.heldUntil) ||
        holdsNumber(tree));
    if (isOurs) for (const process of session) accept(process);
    acceptKin(tree, members, doubtful, accept);
    return members;
  }

  /** Those in the session with the number of our main process; none where another process leads it now. */
  #sessionOf(tree: Tree): readonly Process[] {
    if (tree.main.pid === 0) return [];
    const leader = this.#byPid.get(tree.main.pid);
    if (leader && leader.startTime !== tree.main.startTime) return [];
    return this.#bySession.get(tree.main.pid) ?? [];
  }
}

/** Those whose user is another, but whose parent or session leader is ours: workers that gave up their rights. */
function acceptKin(
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

/** Asked after the look: then it held it all the time. */
function holdsNumber({ child, mainAlive, main }: Tree): boolean {
  return mainAlive && (child === null ? isSame(main) : child.hold === 'held');
}

function isKnown(tree: Tree, process: Process): boolean {
  return tree.members.get(process.pid)?.startTime === process.startTime;
}

function put<K>(map: Map<K, Process[]>, key: K, process: Process): void {
  const list = map.get(key);
  if (list) list.push(process);
  else map.set(key, [process]);
}

export function identityOfProcess(process: Process): Identity {
  return { pid: process.pid, startTime: process.startTime, bootId: bootId() };
}

/** Whom to signal for the process group that the main process leads or led, the best proof first. */
export function groupTargets(tree: Tree): Target[] {
  const group = tree.main.pid;
  if (tree.mainAlive && tree.child) return [{ to: 'child_group', child: tree.child }];
  const witnesses = tree.mainAlive ? [tree.main] : [];
  for (const process of tree.members.values()) if (process.group === group) witnesses.push(identityOfProcess(process));
  return witnesses.map((witness) => ({ to: 'group', group, witness }));
}
