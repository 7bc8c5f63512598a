// The generations that have living processes, from their registration until their tree is empty, and the reports of
// their end.

import type { SignalName } from '../../core/model/spec.ts';
import type { Exit } from '../../core/model/state.ts';
import type { Step } from '../../core/model/states.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Identity, Report } from '../../runtime/ports.ts';
import type { Cgroups } from '../cgroup/cgroups.ts';
import { mayBeOfLanding } from '../chain/landing.ts';
import { stepOfName } from '../proc/hook-name.ts';
import { ProcessTable } from '../proc/process-table.ts';
import type { ReadySignals } from '../readiness/ready-signals.ts';
import type { LaunchPlan } from '../spawn/launch-plan.ts';
import { identityOfProcess, type Tree, treeKey } from './process-tree.ts';
import { Trees } from './trees.ts';

export interface GenerationsOptions {
  readonly report: Report;
  /** Absolute: part of the marker. */
  readonly runDir: string;
  readonly log: (line: string) => void;
  /** null: no cgroup was delegated to opsd. */
  readonly cgroups: Cgroups | null;
  /** Listens for the readiness of services that report it themselves. */
  readonly signals: Pick<ReadySignals, 'end'>;
  readonly clock: Clock;
}

/** A generation that has living processes, or whose end was not reported yet. */
export interface Live {
  readonly tree: Tree;
  /** null: the main process lives. */
  exit: Exit | null;
  /** Why the command could not be executed (an obstacle in the exec chain); null: none is known. */
  refusal: string | null;
  exitReported: boolean;
  /** `LaunchPlan.whyNot`; null: the generation was started by an earlier opsd. */
  readonly whyNot: LaunchPlan['whyNot'];
  /** Called when the tree of a stray is empty, instead of any report; null: an ordinary generation. */
  readonly onStrayGone: (() => void) | null;
}

export class Generations implements Disposable {
  readonly #options: GenerationsOptions;
  readonly #live = new Map<string, Live>();
  readonly #byTree = new Map<Tree, Live>();
  /** Trees by the number of the session that their main process leads or led. */
  readonly #bySession = new Map<number, Tree>();
  readonly trees: Trees;
  /** The table of all processes, shared with the other scans of opsd. */
  readonly table: ProcessTable;
  #isOver = false;

  constructor(options: GenerationsOptions) {
    this.#options = options;
    const { cgroups, clock, log, report, runDir } = options;
    const ours = {
      isMain: (pid: number) => this.#bySession.get(pid)?.mainAlive ?? false,
      isSession: (session: number) => this.#bySession.has(session),
    };
    this.table = new ProcessTable(runDir, ours, clock);
    this.trees = new Trees({
      table: this.table,
      cgroups,
      log,
      clock,
      onScanned: (tree) => this.#onScanned(tree),
      onScanFailed: (tree) => report({ type: 'scan_failed', ...whoseStep(tree) }),
    });
  }

  of(service: string, generation: number): Live | undefined {
    return this.#live.get(treeKey(service, generation));
  }

  register(tree: Tree, { onStrayGone, whyNot }: Pick<Live, 'onStrayGone' | 'whyNot'>): Live {
    const live: Live = { tree, exit: null, refusal: null, exitReported: false, whyNot, onStrayGone };
    this.#live.set(treeKey(tree.service, tree.generation), live);
    this.#byTree.set(tree, live);
    this.#bySession.set(tree.main.pid, tree);
    return live;
  }

  /** The main process has ended: its exit is reported with what is left of its tree. */
  onMainEnd(live: Live, code: number | null, signal: SignalName | null): void {
    const { tree } = live;
    tree.mainAlive = false;
    this.#options.signals.end(tree.service, tree.generation);
    const mayBeOom = tree.cgroup !== null && (signal === 'SIGKILL' || !tree.child) && tree.killingSince === null;
    const oom = mayBeOom && tree.cgroup !== null && (this.#options.cgroups?.wasOutOfMemory(tree.cgroup) ?? false);
    const exit = { code, signal, oom };
    if (live.whyNot === null || !mayBeOfLanding(code)) return this.#conclude(live, exit, null);
    void live.whyNot().then((obstacle) => {
      if (!this.#isOver) this.#conclude(live, exit, obstacle?.why ?? null);
    });
  }

  /**
   * The living processes of these generations, by `treeKey`. null: /proc cannot be read because no descriptor is left.
   */
  async membersOf(
    generations: readonly { readonly service: string; readonly generation: number }[],
  ): Promise<ReadonlyMap<string, readonly Identity[]> | null> {
    const trees = generations.flatMap(({ service, generation }) => this.of(service, generation)?.tree ?? []);
    const surveyed = await this.trees.survey(trees);
    if (surveyed === null) return null;
    const members = new Map<string, readonly Identity[]>();
    for (const [tree, others] of surveyed) {
      const all = [...(tree.mainAlive ? [tree.main] : []), ...others.map(identityOfProcess)];
      members.set(treeKey(tree.service, tree.generation), all);
    }
    return members;
  }

  removeCgroup(cgroup: string | null): void {
    if (cgroup !== null) void this.#options.cgroups?.remove(cgroup);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.trees[Symbol.dispose]();
  }

  #conclude(live: Live, exit: Exit, refusal: string | null): void {
    live.exit = exit;
    live.refusal = refusal;
    this.trees.watch(live.tree);
  }

  /** A scan of the tree is over: reports its exit or that it is empty. */
  #onScanned(tree: Tree): void {
    const live = this.#byTree.get(tree);
    if (!live?.exit) return;
    const whose = whoseStep(tree);
    const left = tree.members.size;
    if (left === 0) this.#forget(live);
    if (live.onStrayGone) {
      if (left === 0) live.onStrayGone();
    } else if (!live.exitReported) {
      live.exitReported = true;
      const { exit, refusal } = live;
      const why = refusal === null ? {} : { refusal };
      this.#options.report({ type: 'exited', ...whose, exit, left, ...why });
    } else if (left === 0) this.#options.report({ type: 'tree_exited', ...whose });
  }

  #forget({ tree }: Live): void {
    this.trees.forget(tree);
    this.#byTree.delete(tree);
    if (this.#bySession.get(tree.main.pid) === tree) this.#bySession.delete(tree.main.pid);
    this.#live.delete(treeKey(tree.service, tree.generation));
    this.removeCgroup(tree.cgroup);
  }
}

/** The names that the core uses: the service without the suffix of a step, and no step for the main process. */
export function whoseStep({ service: name, generation }: Pick<Tree, 'service' | 'generation'>): {
  readonly service: string;
  readonly generation: number;
  readonly step?: Step;
} {
  const { service, step } = stepOfName(name) ?? { service: name, step: 'main' };
  return step === 'main' ? { service, generation } : { service, generation, step };
}
