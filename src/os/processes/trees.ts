// Process trees: scans for their processes, signals them, and kills them until none is left.

import type { Millis, SignalName } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Cgroups } from '../cgroup/cgroups.ts';
import { isSame } from '../proc/identity.ts';
import type { Process } from '../proc/known-process.ts';
import type { ProcessTable } from '../proc/process-table.ts';
import type { Sent } from '../proc/signals.ts';
import { inTurns, type Work, workForATurn } from '../proc/turns.ts';
import { isWithheldUser } from '../procfs/withheld.ts';
import { identityOfProcess, type Tree, TreeIndex, treeKey } from './process-tree.ts';
import { ScanPacer } from './scan-pacer.ts';
import { signalAll, signalMain, signalTree, stopNew, stopperOf } from './tree-signals.ts';

/** Most processes are gone a few milliseconds after a signal; those that are not then usually take long. */
const FIRST_WAIT: Millis = 4;
const LONGEST_WAIT: Millis = 250;
const WAIT_GROWTH = 1.6;
/**
 * Scans that follow one another at once: while processes came and went, and while new ones appear that must be stopped.
 */
const SCANS_FOR_CERTAINTY = 3;
const SCANS_FOR_FORKERS = 12;
/**
 * For so long a tree that is being killed and was found empty is scanned again because other processes came and went
 * meanwhile. A time, not a count: on a host where processes always come and go each scan is long, and SIGKILL would
 * seem to fail.
 */
const LONGEST_DOUBT: Millis = 1_000;
/**
 * The same for a tree that ended by itself. Its service waits to be restarted: no longer than an exec may take to show
 * the marker.
 */
const LONGEST_DOUBT_UNKILLED: Millis = 150;
/** SIGKILL takes effect at once, unless the process waits in the kernel (state D). */
const SURVIVOR_AFTER: Millis = 5_000;

interface TreesOptions {
  readonly table: Pick<ProcessTable, 'scan'>;
  readonly cgroups: Cgroups | null;
  readonly log: (line: string) => void;
  readonly clock: Clock;
  /** A tree was scanned: `members` are its living processes other than its main process. */
  readonly onScanned: (tree: Tree) => void;
  /** A tree that is being killed could not be scanned: no descriptor is left for /proc. */
  readonly onScanFailed: (tree: Tree) => void;
}

export class Trees implements Disposable {
  readonly #options: TreesOptions;
  readonly #waiting = new Set<Tree>();
  readonly #pacer: ScanPacer;
  #scanned: Tree[] = [];
  #unscanned: readonly Tree[] = [];
  #isScanFailing = false;

  constructor(options: TreesOptions) {
    this.#options = options;
    this.#pacer = new ScanPacer(
      (now) => this.#scan(now),
      (now) => this.#conclude(now),
      options.clock,
    );
  }

  /** Scans for the tree as soon as possible, and again until it is empty. */
  watch(tree: Tree): void {
    tree.dueAt = this.#options.clock.now();
    tree.nextWait = FIRST_WAIT;
    this.#waiting.add(tree);
    this.#pacer.request();
  }

  forget(tree: Tree): void {
    tree.dueAt = null;
    this.#waiting.delete(tree);
  }

  /**
   * Signals the main process, or all known processes of the tree. SIGCONT follows, so that a stopped process acts on
   * the signal.
   */
  signal(tree: Tree, signal: SignalName, to: 'main' | 'tree'): Sent {
    const sent = signalTree(tree, signal, to, this.#options.clock);
    if (this.#waiting.has(tree)) this.watch(tree);
    return sent;
  }

  kill(tree: Tree): void {
    tree.killingSince ??= this.#options.clock.now();
    // Processes that do not fit into this turn of the event loop are killed by the scan that follows.
    workForATurn(this.#killKnown(tree), this.#options.clock);
    this.watch(tree);
  }

  /** The processes of each tree except its living main process. null: no descriptor is left for /proc. */
  async survey(trees: readonly Tree[]): Promise<ReadonlyMap<Tree, readonly Process[]> | null> {
    const snapshot = await inTurns(this.#options.table.scan(usersOf(trees)), this.#options.clock);
    if (snapshot === null) return null;
    const index = new TreeIndex(snapshot);
    return new Map(trees.map((tree) => [tree, [...index.membersOf(tree, this.#inCgroup(tree)).values()]]));
  }

  #inCgroup({ cgroup }: Tree): readonly number[] {
    return cgroup === null ? [] : (this.#options.cgroups?.members(cgroup) ?? []);
  }

  *#killKnown(tree: Tree): Work<void> {
    if (tree.cgroup !== null) this.#options.cgroups?.kill(tree.cgroup);
    yield* signalAll(tree, 'SIGKILL');
    signalMain(tree, 'SIGKILL');
  }

  *#scan(now: Millis): Work<void> {
    const trees = [...this.#waiting];
    const due = trees.filter((tree) => tree.dueAt !== null && tree.dueAt <= now);
    if (due.every((tree) => this.#isKnownToLive(tree, now))) return;
    const hadEnded = new Set(trees.filter(({ mainAlive }) => !mainAlive));
    const killed = trees.filter((tree) => tree.killingSince !== null);
    const stopAtOnce = stopperOf(new Map(killed.map((tree) => [treeKey(tree.service, tree.generation), tree])));
    let isSettled = true;
    for (let scans = 1; scans <= SCANS_FOR_FORKERS; scans += 1) {
      const snapshot = yield* this.#options.table.scan(usersOf(trees), stopAtOnce);
      if (snapshot === null) return this.#postpone(due, now);
      const index = new TreeIndex(snapshot);
      let again = false;
      isSettled = !snapshot.unsettled;
      for (const tree of trees) {
        yield;
        if (!this.#waiting.has(tree)) continue;
        const before = tree.members;
        tree.members = index.membersOf(tree, this.#inCgroup(tree));
        if (tree.members.size === 0) again ||= snapshot.unsettled && scans < SCANS_FOR_CERTAINTY;
        else if (tree.killingSince !== null) again = (yield* stopNew(tree, before)) || again;
      }
      if (!again) break;
    }
    this.#isScanFailing = false;
    // The event loop has turned during the scan: some trees are not watched any more, and a main process may have ended
    // after the scan passed the children that it left.
    const scanned = trees.filter((tree) => this.#waiting.has(tree) && (tree.mainAlive || hadEnded.has(tree)));
    for (const tree of scanned) {
      tree.isScanned = !tree.mainAlive;
      if (tree.members.size === 0 && !isSettled && !tree.mainAlive) tree.doubtedSince ??= now;
      else tree.doubtedSince = null;
      this.#waitLonger(tree, now);
    }
    this.#scanned = scanned.filter(
      ({ doubtedSince, killingSince, uid }) =>
        // Its processes were not read: whether any is left will be seen.
        !isWithheldUser(uid) &&
        (doubtedSince === null ||
          now - doubtedSince >= (killingSince === null ? LONGEST_DOUBT_UNKILLED : LONGEST_DOUBT)),
    );
    for (const tree of trees) {
      if (tree.killingSince !== null && this.#waiting.has(tree)) yield* this.#killKnown(tree);
    }
  }

  /** A tree with a member that is known to live needs no scan, unless it is being killed. */
  #isKnownToLive(tree: Tree, now: Millis): boolean {
    if (!tree.isScanned || tree.killingSince !== null) return false;
    for (const process of tree.members.values()) {
      if (!isSame(identityOfProcess(process))) continue;
      this.#waitLonger(tree, now);
      return true;
    }
    return false;
  }

  #postpone(due: readonly Tree[], now: Millis): void {
    for (const tree of due) tree.dueAt = now + LONGEST_WAIT;
    this.#unscanned = due.filter(({ killingSince }) => killingSince !== null);
    // Restart the clock: processes we could not list were not sent SIGKILL, so they cannot have survived it.
    for (const tree of this.#unscanned) tree.killingSince = now;
    if (this.#isScanFailing) return;
    this.#isScanFailing = true;
    this.#options.log('cannot read /proc: too many open files; raise LimitNOFILE= of opsd (retrying)');
  }

  #waitLonger(tree: Tree, now: Millis): void {
    tree.dueAt = now + tree.nextWait;
    tree.nextWait = Math.min(tree.nextWait * WAIT_GROWTH, LONGEST_WAIT);
  }

  #conclude(now: Millis): Millis | null {
    const seen = this.#scanned;
    this.#scanned = [];
    for (const tree of this.#unscanned) this.#options.onScanFailed(tree);
    this.#unscanned = [];
    for (const tree of seen) {
      if (!this.#waiting.has(tree)) continue;
      this.#logSurvivors(tree, now);
      this.#options.onScanned(tree);
    }
    let next: Millis | null = null;
    for (const { dueAt } of this.#waiting) if (dueAt !== null && (next === null || dueAt < next)) next = dueAt;
    return next;
  }

  #logSurvivors(tree: Tree, now: Millis): void {
    if (tree.killingSince === null || tree.areSurvivorsLogged || now - tree.killingSince < SURVIVOR_AFTER) return;
    if (tree.members.size === 0 && !tree.mainAlive) return;
    tree.areSurvivorsLogged = true;
    const names = [...tree.members.values()].map((process) => `pid ${process.pid} (state ${process.state})`);
    if (tree.mainAlive) names.unshift(`pid ${tree.main.pid}`);
    this.#options.log(`service ${tree.service}, generation ${tree.generation}: survives SIGKILL: ${names.join(', ')}`);
  }

  [Symbol.dispose](): void {
    this.#pacer[Symbol.dispose]();
    this.#waiting.clear();
  }
}

function usersOf(trees: readonly Tree[]): ReadonlySet<number> {
  return new Set(trees.map(({ uid }) => uid));
}
