// Service processes with what belongs before and after them: `before_start` and `after_stop`, of which the core knows nothing.

import type { Event } from '../../core/model/events.ts';
import type { Hook, Millis, ServiceSpec, SignalName } from '../../core/model/spec.ts';
import { Alarm } from '../../runtime/clock.ts';
import type { Processes, Report } from '../../runtime/ports.ts';
import { type HookKind, hookName } from '../proc/hook-name.ts';
import type { SpawnFailure } from '../spawn/spawn-failure.ts';
import { treeKey } from './process-tree.ts';

export interface HookedProcessesOptions {
  /** Those of the services; hooks are processes like theirs, under names of their own. What they report comes to `hear`. */
  readonly processes: Processes;
  readonly report: Report;
  /** As it is configured now: an `after_stop` may have changed since the start. */
  readonly specOf: (service: string) => ServiceSpec | undefined;
  readonly log: (line: string) => void;
}

/** The core says that something survives SIGKILL after 5 s: an `after_stop` that follows one has to be quicker. */
const AFTER_KILL: Millis = 4_000;

interface UnderWay {
  readonly kind: HookKind;
  readonly service: string;
  readonly generation: number;
  readonly hook: Hook;
  readonly alarm: Alarm;
  /** Nobody waits for what it does any more. */
  isAborted: boolean;
  /** null: nothing went wrong so far. */
  problem: SpawnFailure | null;
  readonly then: (problem: SpawnFailure | null) => void;
}

export class HookedProcesses implements Processes, Disposable {
  readonly #options: HookedProcessesOptions;
  /** By the name of the hook and the generation. */
  readonly #underWay = new Map<string, UnderWay>();
  /** Hooks of an earlier opsd that are being ended, by service: nothing of it starts beside them. */
  readonly #leftovers = new Map<string, Promise<unknown>>();
  /** Generations that got SIGKILL. */
  readonly #killed = new Set<string>();

  constructor(options: HookedProcessesOptions) {
    this.#options = options;
  }

  spawn(service: string, generation: number, spec: ServiceSpec): void {
    const { beforeStart } = spec.policy;
    const leftover = this.#leftovers.get(service);
    const next = (problem: SpawnFailure | null) => {
      if (problem === null) this.#options.processes.spawn(service, generation, spec);
      else this.#over({ type: 'spawn_failed', service, generation, ...problem });
    };
    if (beforeStart === null && leftover === undefined) return next(null);
    const hook: Hook = beforeStart ?? { command: ['true'], timeout: 0 };
    const underWay = this.#begin('before_start', service, generation, hook, next);
    if (leftover === undefined) return this.#run(underWay, spec);
    void leftover.then(() => {
      if (underWay.isAborted || beforeStart === null) this.#finish(underWay);
      else this.#run(underWay, spec);
    });
  }

  signal(service: string, generation: number, signal: SignalName, to: 'main' | 'tree'): void {
    const underWay = this.#hookOf(service, generation);
    if (underWay === undefined) return this.#options.processes.signal(service, generation, signal, to);
    if (underWay.kind === 'before_start') this.#abort(underWay, 'it was stopped meanwhile');
  }

  kill(service: string, generation: number): void {
    this.#killed.add(treeKey(service, generation));
    const underWay = this.#hookOf(service, generation);
    if (underWay === undefined) this.#options.processes.kill(service, generation);
    else this.#abort(underWay, 'the time to stop was over');
  }

  /** What the processes have to report, of services and of hooks. */
  hear(event: Event): void {
    const underWay = 'generation' in event ? this.#underWay.get(treeKey(event.service, event.generation)) : undefined;
    if (underWay === undefined) return this.#over(event);
    switch (event.type) {
      case 'spawn_failed':
        underWay.problem ??= { kind: event.kind, message: `${describe(underWay)}: ${event.message}` };
        return this.#finish(underWay);
      case 'exited': {
        const { exit, left, refusal } = event;
        if (refusal !== undefined)
          underWay.problem ??= { kind: 'permanent', message: `${describe(underWay)}: ${refusal}` };
        else if (exit.code !== 0) {
          const how = exit.oom ? 'out of memory' : (exit.signal ?? `exit code ${exit.code}`);
          underWay.problem ??= { kind: 'failure', message: `${describe(underWay)} failed: ${how}` };
        }
        if (left === 0) return this.#finish(underWay);
        // What it left in the background is part of it, and it is over.
        return this.#options.processes.kill(event.service, event.generation);
      }
      case 'emptied':
        return this.#finish(underWay);
      default:
        return;
    }
  }

  /** `ended`: settles when a hook that an earlier opsd began is gone. */
  awaitLeftover(service: string, ended: Promise<unknown>): void {
    const all = Promise.allSettled([this.#leftovers.get(service), ended]);
    this.#leftovers.set(service, all);
    void all.then(() => {
      if (this.#leftovers.get(service) === all) this.#leftovers.delete(service);
    });
  }

  #begin(
    kind: HookKind,
    service: string,
    generation: number,
    hook: Hook,
    then: (problem: SpawnFailure | null) => void,
  ): UnderWay {
    const alarm = new Alarm(() => this.#abort(underWay, `it did not end within ${hook.timeout} ms`));
    const underWay: UnderWay = { kind, service, generation, hook, alarm, isAborted: false, problem: null, then };
    this.#underWay.set(treeKey(hookName(service, kind), generation), underWay);
    return underWay;
  }

  #run({ kind, service, generation, hook, alarm }: UnderWay, spec: ServiceSpec): void {
    const isKilled = this.#killed.has(treeKey(service, generation));
    alarm.set(isKilled ? Math.min(hook.timeout, AFTER_KILL) : hook.timeout);
    // Its output belongs to that of its service.
    this.#options.processes.spawn(hookName(service, kind), generation, {
      ...spec,
      launch: { ...spec.launch, command: hook.command, wrapper: [], sockets: [] },
      policy: { ...spec.policy, ready: null },
    });
  }

  #hookOf(service: string, generation: number): UnderWay | undefined {
    const of = (kind: HookKind) => this.#underWay.get(treeKey(hookName(service, kind), generation));
    return of('before_start') ?? of('after_stop');
  }

  /** With all its children, at once. */
  #abort(underWay: UnderWay, why: string): void {
    underWay.isAborted = true;
    underWay.problem ??= { kind: 'failure', message: `${describe(underWay)} was killed: ${why}` };
    this.#options.processes.kill(hookName(underWay.service, underWay.kind), underWay.generation);
  }

  #finish({ kind, service, generation, alarm, problem, then }: UnderWay): void {
    alarm[Symbol.dispose]();
    this.#underWay.delete(treeKey(hookName(service, kind), generation));
    then(problem);
  }

  /** Reports; where that is the end of a generation, not before its `after_stop` has ended. */
  #over(event: Event): void {
    const end = endOf(event);
    const spec = end === null ? undefined : this.#options.specOf(end.service);
    const hook = spec?.policy.afterStop ?? null;
    if (end === null || spec === undefined || hook === null) {
      if (end !== null) this.#killed.delete(treeKey(end.service, end.generation));
      return this.#options.report(event);
    }
    const { service, generation } = end;
    const underWay = this.#begin('after_stop', service, generation, hook, (problem) => {
      if (problem !== null) this.#options.log(`service ${service}, generation ${generation}: ${problem.message}`);
      this.#killed.delete(treeKey(service, generation));
      this.#options.report(event.type === 'exited' ? { type: 'emptied', service, generation } : event);
    });
    // It is no longer up, but something of it still runs: the hook.
    if (event.type === 'exited') this.#options.report({ ...event, left: 1, isCleaning: true });
    this.#run(underWay, spec);
  }

  /** Leaves hooks alone, like services: the next opsd ends them. */
  [Symbol.dispose](): void {
    for (const { alarm } of this.#underWay.values()) alarm[Symbol.dispose]();
    this.#underWay.clear();
  }
}

/** null: not the end of a generation. */
function endOf(event: Event): { readonly service: string; readonly generation: number } | null {
  switch (event.type) {
    case 'spawn_failed':
    case 'emptied':
      return event;
    case 'exited':
      return event.left === 0 ? event : null;
    default:
      return null;
  }
}

/** Without the arguments: a password may be among them. */
function describe({ kind, hook }: UnderWay): string {
  return `${kind} (${hook.command[0]})`;
}
