// The service processes of this host: starts, signals and kills them, and reports what becomes of them.

import type { Millis, ServiceSpec, SignalName } from '../../core/model/spec.ts';
import type { Exit } from '../../core/model/state.ts';
import type { Step } from '../../core/model/states.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Identity, Outputs, Processes, Report } from '../../runtime/ports.ts';
import type { Cgroups } from '../cgroup/cgroups.ts';
import { mayBeOfLanding } from '../chain/landing.ts';
import { nameOfStep, stepOfName } from '../proc/hook-name.ts';
import { bootId, identityOf, ticksNow } from '../proc/identity.ts';
import { ProcessTable } from '../proc/process-table.ts';
import type { Child, Sent } from '../proc/signals.ts';
import type { ReadySignals } from '../readiness/ready-signals.ts';
import { openInput } from '../spawn/input.ts';
import { type LaunchPlan, LaunchPlanner } from '../spawn/launch-plan.ts';
import { type SpawnFailure, spawnFailure } from '../spawn/spawn-failure.ts';
import type { SpawnError, Spawner } from '../spawn/spawner.ts';
import { specOfStep } from '../spawn/step-spec.ts';
import type { Sockets } from '../systemd/sockets.ts';
import { AdoptedMains } from './adopted.ts';
import type { Found } from './process-discovery.ts';
import { identityOfProcess, newTree, type Tree, treeKey } from './process-tree.ts';
import { Trees } from './trees.ts';

interface ServiceProcessesOptions {
  readonly report: Report;
  /** Absolute: part of the marker. */
  readonly runDir: string;
  readonly outputs: Pick<Outputs, 'open'>;
  readonly log: (line: string) => void;
  /** null: no cgroup was delegated to opsd. */
  readonly cgroups: Cgroups | null;
  /** Soft RLIMIT_NOFILE of services: the limit of opsd before opsd raised it for itself. */
  readonly baseNofile: number;
  /** The sockets that services may ask for. */
  readonly sockets: Sockets;
  /** Listens for the readiness of services that report it themselves. */
  readonly signals: Pick<ReadySignals, 'begin' | 'resume' | 'end'>;
  readonly spawner: Spawner;
  readonly clock: Clock;
}

/** A generation that has living processes, or whose end was not reported yet. */
interface Live {
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

/**
 * Start time of a child whose /proc/PID/stat could not be read as no descriptor was left. It needs none: a child is
 * proven by not being reaped.
 */
const UNKNOWN_START = -1;

/** How long a stray may take to end after SIGTERM, and again after SIGKILL. */
const STRAY_TIMEOUT: Millis = 5_000;

export class ServiceProcesses implements Processes, AsyncDisposable {
  readonly #options: ServiceProcessesOptions;
  readonly #planner: LaunchPlanner;
  readonly #live = new Map<string, Live>();
  readonly #byTree = new Map<Tree, Live>();
  /** Trees by the number of the session that their main process leads or led. */
  readonly #bySession = new Map<number, Tree>();
  readonly #adopted: AdoptedMains;
  readonly #trees: Trees;
  /** The table of all processes, shared with the other scans of opsd. */
  readonly table: ProcessTable;
  #isOver = false;

  constructor(options: ServiceProcessesOptions) {
    this.#options = options;
    const { clock } = options;
    this.#adopted = new AdoptedMains(clock);
    // Read the boot id now, while a descriptor for it is certainly left.
    bootId();
    this.#planner = new LaunchPlanner(options);
    const ours = {
      isMain: (pid: number) => this.#bySession.get(pid)?.mainAlive ?? false,
      isSession: (session: number) => this.#bySession.has(session),
    };
    this.table = new ProcessTable(options.runDir, ours, clock);
    this.#trees = new Trees({
      table: this.table,
      cgroups: options.cgroups,
      log: options.log,
      clock,
      onScanned: (tree) => this.#onScanned(tree),
      onScanFailed: (tree) => options.report({ type: 'scan_failed', ...whoseStep(tree) }),
    });
  }

  spawn(owner: string, generation: number, of: ServiceSpec, step: Step = 'main'): void {
    const { report, signals, spawner } = this.#options;
    const service = nameOfStep(owner, step);
    const whose = whoseStep({ service, generation });
    const fail = ({ kind, message }: SpawnFailure) => report({ type: 'spawn_failed', ...whose, kind, message });
    const spec = specOfStep(of, step);
    if (spec === null) return fail({ kind: 'failure', message: `${owner} has no ${step}` });
    if (this.#live.has(treeKey(service, generation))) {
      return fail({ kind: 'failure', message: `processes of generation ${generation} are still alive` });
    }
    const plan = this.#planner.plan(service, generation, spec);
    if ('message' in plan) return fail(plan);
    const failSpawn = (error: SpawnError) => {
      this.#removeCgroup(plan.cgroup);
      signals.end(service, generation);
      fail(spawnFailure(spec.launch.command[0], error));
    };
    // The callbacks come in later turns of the event loop only, when `live` is set.
    let live: Live | null = null;
    const callbacks = {
      onError: failSpawn,
      onDeath: () => {
        if (live !== null) live.tree.pidHeldUntil = ticksNow();
      },
      onExit: (code: number | null, signal: SignalName | null) => {
        if (live !== null) this.#onMainEnd(live, code, signal);
      },
    };
    let child: Child | null;
    try {
      using output = openOutput(this.#options.outputs, spec);
      using handed = signals.begin(service, generation, spec, plan.descriptors.length);
      const { stdout, stderr } = output;
      const descriptors = [...plan.descriptors, ...handed.descriptors];
      const { input, ...execution } = plan.execution(handed.environment);
      using stdin = openInput(input, this.#options.runDir);
      child = spawner.spawn({ ...execution, stdin: stdin.fd, stdout, stderr, descriptors }, callbacks);
    } catch (error) {
      return failSpawn({ code: codeOf(error), message: error instanceof Error ? error.message : String(error) });
    }
    if (child === null) return;
    live = this.#track(service, generation, plan, child);
    report({ type: 'spawned', ...whose, pid: child.pid });
  }

  #track(service: string, generation: number, { uid, cgroup, whyNot }: LaunchPlan, child: Child): Live {
    const main = identityOf(child.pid) ?? { pid: child.pid, startTime: UNKNOWN_START, bootId: bootId() };
    return this.#register(
      newTree({ service, generation, uid, main, isMainAlive: true, child, cgroup, members: new Map() }),
      null,
      whyNot,
    );
  }

  signal(service: string, generation: number, signal: SignalName, to: 'main' | 'tree', step: Step = 'main'): void {
    const live = this.#live.get(treeKey(nameOfStep(service, step), generation));
    if (!live) return;
    this.#logUnsent(live.tree, signal, this.#trees.signal(live.tree, signal, to));
    this.#adopted.expectExit(live.tree.main.pid);
  }

  kill(service: string, generation: number, step: Step = 'main'): void {
    const live = this.#live.get(treeKey(nameOfStep(service, step), generation));
    if (!live) return;
    this.#trees.kill(live.tree);
    this.#adopted.expectExit(live.tree.main.pid);
  }

  /**
   * Takes over a generation of an earlier opsd. The end of its main process is noticed within 250 ms, sooner after a
   * signal; its exit code remains unknown.
   */
  adopt(found: Found, spec: ServiceSpec): void {
    const live = this.#registerFound(found, null);
    if (!live.tree.mainAlive) this.#onMainEnd(live, null, null);
    else if (stepOfName(found.service)?.step === 'main')
      this.#options.signals.resume(found.service, found.generation, spec);
  }

  /**
   * Ends a stray or an unwanted survivor: SIGTERM, then SIGKILL after `timeout`. Resolves to false when it survives
   * that. Nothing is reported, and until then no generation of that service and number can be spawned.
   */
  async endStray(found: Found, timeout: Millis = STRAY_TIMEOUT): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const { tree } = this.#registerFound(found, () => resolve(true));
    using deadline = this.#options.clock.alarm(() => {
      if (tree.killingSince !== null) return resolve(false);
      this.#trees.kill(tree);
      this.#adopted.expectExit(tree.main.pid);
      deadline.set(STRAY_TIMEOUT);
    });
    deadline.set(timeout);
    this.#logUnsent(tree, 'SIGTERM', this.#trees.signal(tree, 'SIGTERM', 'tree'));
    this.#adopted.expectExit(tree.main.pid);
    if (!tree.mainAlive) this.#trees.watch(tree);
    return await promise;
  }

  /** The identity of the main process; null: it has ended, or there is no such generation. */
  identity(service: string, generation: number): Identity | null {
    const tree = this.#live.get(treeKey(service, generation))?.tree;
    if (!tree?.mainAlive) return null;
    if (tree.main.startTime !== UNKNOWN_START) return tree.main;
    return tree.child?.hold === 'held' ? identityOf(tree.main.pid) : null;
  }

  /** The user id that a generation runs as, from its start on; null: there is no such generation. */
  uid(service: string, generation: number): number | null {
    return this.#live.get(treeKey(service, generation))?.tree.uid ?? null;
  }

  /**
   * The living processes of these generations, by `treeKey`. null: /proc cannot be read because no descriptor is left.
   */
  async membersOf(
    generations: readonly { readonly service: string; readonly generation: number }[],
  ): Promise<ReadonlyMap<string, readonly Identity[]> | null> {
    const trees = generations.flatMap(
      ({ service, generation }) => this.#live.get(treeKey(service, generation))?.tree ?? [],
    );
    const surveyed = await this.#trees.survey(trees);
    if (surveyed === null) return null;
    const members = new Map<string, readonly Identity[]>();
    for (const [tree, others] of surveyed) {
      const all = [...(tree.mainAlive ? [tree.main] : []), ...others.map(identityOfProcess)];
      members.set(treeKey(tree.service, tree.generation), all);
    }
    return members;
  }

  /** Processes of a generation other than its main process, as of the last scan of its tree. */
  others(service: string, generation: number): readonly { readonly pid: number; readonly state: string }[] {
    const members = this.#live.get(treeKey(service, generation))?.tree.members.values() ?? [];
    return [...members].map(({ pid, state }) => ({ pid, state }));
  }

  #registerFound(found: Found, onStrayGone: (() => void) | null): Live {
    const { service, generation, uid, main, leader, others } = found;
    const tree = newTree({
      service,
      generation,
      uid,
      main: leader,
      isMainAlive: main !== null,
      child: null,
      cgroup: found.cgroup ?? this.#options.cgroups?.find(service, generation) ?? null,
      members: new Map(others.map((process) => [process.pid, process])),
    });
    const live = this.#register(tree, onStrayGone);
    if (main) {
      this.#adopted.add({
        identity: main.identity,
        onAlive: (ticks) => {
          tree.pidHeldUntil = ticks;
        },
        onEnd: () => this.#onMainEnd(live, null, null),
      });
    }
    return live;
  }

  #register(tree: Tree, onStrayGone: (() => void) | null, whyNot: LaunchPlan['whyNot'] = null): Live {
    const live: Live = { tree, exit: null, refusal: null, exitReported: false, whyNot, onStrayGone };
    this.#live.set(treeKey(tree.service, tree.generation), live);
    this.#byTree.set(tree, live);
    this.#bySession.set(tree.main.pid, tree);
    return live;
  }

  #onMainEnd(live: Live, code: number | null, signal: SignalName | null): void {
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

  #conclude(live: Live, exit: Exit, refusal: string | null): void {
    live.exit = exit;
    live.refusal = refusal;
    this.#trees.watch(live.tree);
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
      this.#options.report({
        type: 'exited',
        ...whose,
        exit,
        left,
        ...(refusal === null ? {} : { refusal }),
      });
    } else if (left === 0) this.#options.report({ type: 'tree_exited', ...whose });
  }

  #forget({ tree }: Live): void {
    this.#trees.forget(tree);
    this.#byTree.delete(tree);
    if (this.#bySession.get(tree.main.pid) === tree) this.#bySession.delete(tree.main.pid);
    this.#live.delete(treeKey(tree.service, tree.generation));
    this.#removeCgroup(tree.cgroup);
  }

  #removeCgroup(cgroup: string | null): void {
    if (cgroup !== null) void this.#options.cgroups?.remove(cgroup);
  }

  #logUnsent(tree: Tree, signal: SignalName, sent: Sent): void {
    if (sent === 'sent' || sent === 'gone') return;
    const why = sent === 'refused' ? 'its identity could not be proven' : 'the kernel does not permit it';
    this.#options.log(`service ${tree.service}, generation ${tree.generation}: no ${signal} was sent: ${why}`);
  }

  /** Signals no process: services outlive opsd. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#trees[Symbol.dispose]();
    this.#adopted[Symbol.dispose]();
  }
}

/** The names that the core uses: the service without the suffix of a step, and no step for the main process. */
function whoseStep({ service: name, generation }: Pick<Tree, 'service' | 'generation'>): {
  readonly service: string;
  readonly generation: number;
  readonly step?: Step;
} {
  const { service, step } = stepOfName(name) ?? { service: name, step: 'main' };
  return step === 'main' ? { service, generation } : { service, generation, step };
}

/**
 * The child has its own copies of the descriptors once it is spawned. Closing ours cannot undo the spawn, so an error
 * here must not look like a failed spawn.
 */
function openOutput(outputs: Pick<Outputs, 'open'>, spec: ServiceSpec) {
  const output = outputs.open(spec);
  return {
    stdout: output.stdout,
    stderr: output.stderr,
    [Symbol.dispose]() {
      try {
        output.close();
      } catch {
        // The descriptor was closed already.
      }
    },
  };
}
