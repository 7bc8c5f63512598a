// A host that is not there: processes that obey, crash, hang, leave children and die slowly, as real ones do.

import { strict as assert } from 'node:assert';
import type { Survivor } from '../../src/core/adoption/adopt.ts';
import type { Event } from '../../src/core/model/events.ts';
import type { Step } from '../../src/core/model/states.ts';
import type { Ports } from '../../src/runtime/perform.ts';
import type { Scheduler } from './scheduler.ts';

/** What one generation of a service does with its life. */
export interface Script {
  /** How the spawn ends. */
  readonly spawn: 'works' | 'permanent' | 'transient' | 'failure';
  /** Ends by itself after that long with that code; null: never. */
  readonly ends: { readonly after: number; readonly code: number } | null;
  /** Time from the stop signal to the end; null: ignores it. */
  readonly obeysAfter: number | null;
  /** Time from SIGKILL to the end; null: it survives that (uninterruptible sleep). */
  readonly diesAfter: number | null;
  /** Processes that outlive the main one: they go that long after a signal; null: only SIGKILL ends them. */
  readonly children: { readonly count: number; readonly obeyAfter: number | null } | null;
  /** Beats that often, until `silentAfter`. */
  readonly beats: { readonly every: number; readonly silentAfter: number } | null;
  /** How late the supervisor hears of anything. */
  readonly newsTakes: number;
}

/** `version`: see there. */
/** Of a hook the start, the end by itself, the children and the death count. */
export type ScriptOf = (service: string, generation: number, version: string, step: Step) => Script;

interface Process {
  readonly service: string;
  readonly generation: number;
  readonly step: Step;
  /** The first word after its command. */
  readonly version: string;
  readonly script: Script;
  readonly bornAt: number;
  isMainAlive: boolean;
  children: number;
  isEndTold: boolean;
  lastLookAt: number;
  /** Which daemon is its parent. */
  readonly daemon: number;
}

export class Host {
  readonly processes: Process[] = [];
  readonly pidFiles = new Map<string, number>();
  /** Services whose program is not there. */
  readonly lacking = new Set<string>();
  /** Ends of processes of which the daemon has not heard yet. */
  untold = 0;
  /** Daemons so far: news for an earlier one reaches nobody. */
  #daemon = 0;
  #asked = new Set<string>();
  /** What the loop's effects are carried out by. */
  readonly ports: Ports = {
    processes: {
      spawn: (service, generation, spec, step) => this.#spawn(service, generation, spec.launch.command[1] ?? '', step),
      signal: (service, generation, _signal, to, step) => this.#signal(service, generation, to, step),
      kill: (service, generation, step) => this.#kill(this.#find(service, generation, step)),
    },
    pidFiles: {
      write: (service, pid) => void this.pidFiles.set(service, pid),
      remove: (service) => void this.pidFiles.delete(service),
    },
    heartbeats: {
      begin: () => {},
      check: (service, generation) => this.#look(this.#find(service, generation)),
    },
    probes: { ask: (service, generation, _probe, timeout) => this.#answer(service, generation, timeout) },
    outputs: {
      open: () => ({ stdout: 'ignore', stderr: 'ignore', close: () => {} }),
      endOfGeneration: () => {},
      settings: () => {},
    },
  };
  readonly #scheduler: Scheduler;
  readonly #post: (event: Event) => void;
  readonly #scriptOf: ScriptOf;

  constructor(scheduler: Scheduler, post: (event: Event) => void, scriptOf: ScriptOf) {
    this.#scheduler = scheduler;
    this.#post = post;
    this.#scriptOf = scriptOf;
  }

  get alive(): readonly Process[] {
    return this.processes.filter(isAlive);
  }

  /** The daemon is gone, the processes are not; the next one finds these. Its first act is to sweep dead PID files. */
  survive(): readonly Survivor[] {
    this.#daemon += 1;
    this.#asked = new Set();
    for (const process of this.processes) if (!isAlive(process)) process.isEndTold = true;
    const alive = this.alive;
    for (const service of this.pidFiles.keys()) {
      if (!alive.some((process) => process.service === service)) this.pidFiles.delete(service);
    }
    return alive.map(({ service, generation, step, isMainAlive, bornAt }) => ({
      service,
      generation,
      step,
      pid: isMainAlive ? this.#pidOf(service, generation, step) : null,
      startedAt: bornAt,
    }));
  }

  /** Watching the trees of the dead main processes begins: their end is news. */
  reportOrphans(): void {
    const exit = { code: null, signal: null, oom: false };
    for (const { service, generation, step, isMainAlive, children } of this.alive) {
      if (!isMainAlive) this.#post({ type: 'exited', service, generation, step, exit, left: children });
    }
  }

  #spawn(service: string, generation: number, version: string, step: Step): void {
    const others = this.alive.filter((process) => process.service === service);
    assert.deepEqual(others, [], `${service}.${generation} was started beside a live generation`);
    const script = this.#scriptOf(service, generation, version, step);
    const isLacking = this.lacking.has(service) && step !== 'after_stop';
    if (script.spawn !== 'works' || isLacking) {
      const kind = isLacking || script.spawn === 'works' ? 'host' : script.spawn;
      this.#tell(script, { type: 'spawn_failed', service, generation, step, kind, message: `no spawn: ${kind}` });
      return;
    }
    const bornAt = this.#scheduler.now;
    const process: Process = {
      service,
      generation,
      step,
      version,
      script,
      bornAt,
      isMainAlive: true,
      children: script.children?.count ?? 0,
      isEndTold: false,
      lastLookAt: bornAt,
      daemon: this.#daemon,
    };
    this.processes.push(process);
    this.#tell(script, { type: 'spawned', service, generation, step, pid: this.#pidOf(service, generation, step) });
    if (script.ends !== null) {
      const { after, code } = script.ends;
      this.#scheduler.in(after, () => this.#endMain(process, code, null));
    }
  }

  #signal(service: string, generation: number, to: 'main' | 'tree', step: Step): void {
    const process = this.#find(service, generation, step);
    if (process === undefined) return;
    const { script } = process;
    if (script.obeysAfter !== null) this.#scheduler.in(script.obeysAfter, () => this.#endMain(process, 0, null));
    if (to === 'tree' && script.children !== null && script.children.obeyAfter !== null) {
      this.#scheduler.in(script.children.obeyAfter, () => this.#endChildren(process));
    }
  }

  #kill(process: Process | undefined): void {
    if (process === undefined || process.script.diesAfter === null) return;
    this.#scheduler.in(process.script.diesAfter, () => {
      process.children = 0;
      if (process.isMainAlive) this.#endMain(process, null, 'SIGKILL');
      else this.#endChildren(process);
    });
  }

  #look(process: Process | undefined): void {
    if (process === undefined) return;
    const { beats } = process.script;
    const until = Math.min(this.#scheduler.now, process.bornAt + (beats?.silentAfter ?? 0));
    const count = (at: number) => (beats === null ? 0 : Math.floor((at - process.bornAt) / beats.every));
    const changed = process.isMainAlive && count(until) > count(Math.min(process.lastLookAt, until));
    process.lastLookAt = this.#scheduler.now;
    this.#post({ type: 'heartbeat_checked', service: process.service, generation: process.generation, changed });
  }

  /** One that beats is healthy too: it says yes as long as it beats. */
  #answer(service: string, generation: number, timeout: number): void {
    const process = this.#find(service, generation);
    assert.ok(process !== undefined, `${service}.${generation} is asked and never was`);
    const whom = `${service}.${generation}`;
    assert.ok(!this.#asked.has(whom), `${whom} is asked twice at a time`);
    this.#asked.add(whom);
    const { script, bornAt } = process;
    const daemon = this.#daemon;
    this.#scheduler.in(Math.min(script.newsTakes, timeout), () => {
      if (daemon !== this.#daemon) return;
      this.#asked.delete(whom);
      const isBeating = script.beats !== null && this.#scheduler.now < bornAt + script.beats.silentAfter;
      const isGood = process.isMainAlive && isBeating;
      this.#post({ type: 'probed', service, generation, isGood, detail: 'connection refused' });
    });
  }

  #endMain(process: Process, code: number | null, signal: 'SIGKILL' | null): void {
    if (!process.isMainAlive) return;
    process.isMainAlive = false;
    const { service, generation, step, children } = process;
    if (children === 0) process.isEndTold = true;
    const isOurs = process.daemon === this.#daemon;
    const exit = { code: isOurs ? code : null, signal: isOurs ? signal : null, oom: false };
    this.#tell(process.script, { type: 'exited', service, generation, step, exit, left: children });
  }

  #endChildren(process: Process): void {
    process.children = 0;
    if (process.isMainAlive || process.isEndTold) return;
    process.isEndTold = true;
    const { service, generation, step } = process;
    this.#tell(process.script, { type: 'tree_exited', service, generation, step });
  }

  #tell(script: Script, event: Event): void {
    if (event.type === 'spawned' || event.type === 'spawn_failed') this.#post(event);
    else {
      const daemon = this.#daemon;
      this.untold += 1;
      this.#scheduler.in(script.newsTakes, () => {
        this.untold -= 1;
        if (daemon === this.#daemon) this.#post(event);
      });
    }
  }

  #pidOf(service: string, generation: number, step: Step): number {
    return 1_000 + this.processes.findLastIndex((one) => isStep(one, service, generation, step));
  }

  #find(service: string, generation: number, step: Step = 'main'): Process | undefined {
    // Without its memory a new daemon counts generations from the survivors on: the last one is meant.
    return this.processes.findLast((process) => isStep(process, service, generation, step));
  }
}

function isStep(process: Process, service: string, generation: number, step: Step): boolean {
  return process.service === service && process.generation === generation && process.step === step;
}

function isAlive(process: Process): boolean {
  return process.isMainAlive || process.children > 0;
}
