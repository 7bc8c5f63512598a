// The port that starts, signals, kills and adopts the processes of services on this host.

import type { Millis, ServiceSpec, SignalName } from '../../core/model/spec.ts';
import type { Step } from '../../core/model/states.ts';
import { codeOf } from '../../errors.ts';
import type { Identity, Outputs, Processes } from '../../runtime/ports.ts';
import { nameOfStep, stepOfName } from '../proc/hook-name.ts';
import { bootId, identityOf, ticksNow } from '../proc/identity.ts';
import type { ProcessTable } from '../proc/process-table.ts';
import type { Child, Sent } from '../proc/signals.ts';
import type { ReadySignals } from '../readiness/ready-signals.ts';
import { openInput } from '../spawn/input.ts';
import { type LaunchPlan, LaunchPlanner } from '../spawn/launch-plan.ts';
import { type SpawnFailure, spawnFailure } from '../spawn/spawn-failure.ts';
import type { SpawnError, Spawner } from '../spawn/spawner.ts';
import { specOfStep } from '../spawn/step-spec.ts';
import type { Sockets } from '../systemd/sockets.ts';
import { AdoptedMains } from './adopted.ts';
import { Generations, type GenerationsOptions, type Live, whoseStep } from './generations.ts';
import type { Found } from './process-discovery.ts';
import { newTree, type Tree } from './process-tree.ts';
import { inspectStart, laterCommands, type StartNeeds } from './start-needs.ts';

interface ServiceProcessesOptions extends GenerationsOptions {
  readonly outputs: Pick<Outputs, 'open'>;
  /** Soft RLIMIT_NOFILE of services: the limit of opsd before opsd raised it for itself. */
  readonly baseNofile: number;
  /** The sockets that services may ask for. */
  readonly sockets: Sockets;
  readonly signals: Pick<ReadySignals, 'begin' | 'resume' | 'end'>;
  readonly spawner: Spawner;
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
  readonly #generations: Generations;
  readonly #adopted: AdoptedMains;

  constructor(options: ServiceProcessesOptions) {
    this.#options = options;
    this.#adopted = new AdoptedMains(options.clock);
    // Read the boot id now, while a descriptor for it is certainly left.
    bootId();
    this.#planner = new LaunchPlanner(options);
    this.#generations = new Generations(options);
  }

  /** The table of all processes, shared with the other scans of opsd. */
  get table(): ProcessTable {
    return this.#generations.table;
  }

  spawn(owner: string, generation: number, of: ServiceSpec, step: Step = 'main'): void {
    const { report, signals, spawner } = this.#options;
    const service = nameOfStep(owner, step);
    const whose = whoseStep({ service, generation });
    const fail = ({ kind, message }: SpawnFailure) => report({ type: 'spawn_failed', ...whose, kind, message });
    const spec = specOfStep(of, step);
    if (spec === null) return fail({ kind: 'failure', message: `${owner} has no ${step}` });
    if (this.#generations.of(service, generation) !== undefined) {
      return fail({ kind: 'failure', message: `processes of generation ${generation} are still alive` });
    }
    // Of a first step: what comes later has to be there, too.
    const isFirst = step === (of.policy.beforeStart === null ? 'main' : 'before_start');
    const plan = this.#planner.plan(service, generation, spec, isFirst ? laterCommands(of) : []);
    if ('message' in plan) return fail(plan);
    const failSpawn = (error: SpawnError) => {
      this.#generations.removeCgroup(plan.cgroup);
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
        if (live !== null) this.#generations.onMainEnd(live, code, signal);
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
    const tree = newTree({ service, generation, uid, main, isMainAlive: true, child, cgroup, members: new Map() });
    return this.#generations.register(tree, { onStrayGone: null, whyNot });
  }

  signal(service: string, generation: number, signal: SignalName, to: 'main' | 'tree', step: Step = 'main'): void {
    const live = this.#generations.of(nameOfStep(service, step), generation);
    if (!live) return;
    this.#logUnsent(live.tree, signal, this.#generations.trees.signal(live.tree, signal, to));
    this.#adopted.expectExit(live.tree.main.pid);
  }

  kill(service: string, generation: number, step: Step = 'main'): void {
    const live = this.#generations.of(nameOfStep(service, step), generation);
    if (!live) return;
    this.#generations.trees.kill(live.tree);
    this.#adopted.expectExit(live.tree.main.pid);
  }

  /**
   * Takes over a generation of an earlier opsd. The end of its main process is noticed within 250 ms, sooner after a
   * signal; its exit code remains unknown.
   */
  adopt(found: Found, spec: ServiceSpec): void {
    const live = this.#registerFound(found, null);
    if (!live.tree.mainAlive) this.#generations.onMainEnd(live, null, null);
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
      this.#generations.trees.kill(tree);
      this.#adopted.expectExit(tree.main.pid);
      deadline.set(STRAY_TIMEOUT);
    });
    deadline.set(timeout);
    this.#logUnsent(tree, 'SIGTERM', this.#generations.trees.signal(tree, 'SIGTERM', 'tree'));
    this.#adopted.expectExit(tree.main.pid);
    if (!tree.mainAlive) this.#generations.trees.watch(tree);
    return await promise;
  }

  /** The identity of the main process; null: it has ended, or there is no such generation. */
  identity(service: string, generation: number): Identity | null {
    const tree = this.#generations.of(service, generation)?.tree;
    if (!tree?.mainAlive) return null;
    if (tree.main.startTime !== UNKNOWN_START) return tree.main;
    return tree.child?.hold === 'held' ? identityOf(tree.main.pid) : null;
  }

  /** Why the service could not be started now; null: nothing is in the way. What can change that. */
  inspect(spec: ServiceSpec): { readonly why: string | null; readonly needs: StartNeeds } {
    return inspectStart(this.#planner, spec, this.#options.clock.now());
  }

  /** Whether the service's user may execute its command, as far as that is known. Never rejects. */
  mayUserExecute(spec: ServiceSpec): Promise<boolean> {
    return this.#planner.mayUserExecute(spec);
  }

  /** The user id that a generation runs as, from its start on; null: there is no such generation. */
  uid(service: string, generation: number): number | null {
    return this.#generations.of(service, generation)?.tree.uid ?? null;
  }

  /**
   * The living processes of these generations, by `treeKey`. null: /proc cannot be read because no descriptor is left.
   */
  async membersOf(
    generations: readonly { readonly service: string; readonly generation: number }[],
  ): Promise<ReadonlyMap<string, readonly Identity[]> | null> {
    return await this.#generations.membersOf(generations);
  }

  /** Processes of a generation other than its main process, as of the last scan of its tree. */
  others(service: string, generation: number): readonly { readonly pid: number; readonly state: string }[] {
    const members = this.#generations.of(service, generation)?.tree.members.values() ?? [];
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
    const live = this.#generations.register(tree, { onStrayGone, whyNot: null });
    if (main) {
      this.#adopted.add({
        identity: main.identity,
        onAlive: (ticks) => {
          tree.pidHeldUntil = ticks;
        },
        onEnd: () => this.#generations.onMainEnd(live, null, null),
      });
    }
    return live;
  }

  #logUnsent(tree: Tree, signal: SignalName, sent: Sent): void {
    if (sent === 'sent' || sent === 'gone') return;
    const why = sent === 'refused' ? 'its identity could not be proven' : 'the kernel does not permit it';
    this.#options.log(`service ${tree.service}, generation ${tree.generation}: ${signal} not sent: ${why}`);
  }

  /** Signals no process: services outlive opsd. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#generations[Symbol.dispose]();
    this.#adopted[Symbol.dispose]();
  }
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
