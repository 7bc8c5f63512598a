// Real service processes for a test, with all that was reported of them, and nothing left afterwards.

import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event } from '../../src/core/model/events.ts';
import type { Launch, ServiceSpec } from '../../src/core/model/spec.ts';
import type { Cgroups } from '../../src/os/cgroup/cgroups.ts';
import { limitOf } from '../../src/os/proc/descriptors.ts';
import { identityOf, isSame } from '../../src/os/proc/identity.ts';
import { sendSignal } from '../../src/os/proc/signals.ts';
import {
  type Discovery,
  type DiscoveryOptions,
  discoverProcesses,
  type Found,
} from '../../src/os/processes/process-discovery.ts';
import { ServiceProcesses } from '../../src/os/processes/processes.ts';
import { ReadySignals } from '../../src/os/readiness/ready-signals.ts';
import { loadPosixSpawner } from '../../src/os/spawn/posix-spawner.ts';
import { NO_SOCKETS, type Sockets } from '../../src/os/systemd/sockets.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { aService } from '../simulation/specs.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';

export function serviceSpec(command: readonly [string, ...string[]], launch: Partial<Launch> = {}): ServiceSpec {
  const spec = aService('web', { stopTimeout: 1_000 });
  return { ...spec, launch: { ...spec.launch, command, ...launch }, effective: new Map() };
}

export function shell(script: string, launch: Partial<Launch> = {}): ServiceSpec {
  return serviceSpec(['sh', '-c', script], launch);
}

type Reported<T extends Event['type']> = Extract<Event, { type: T }>;

export interface RigOptions {
  readonly cgroups?: Cgroups;
  readonly baseNofile?: number;
  /** What services may ask for. */
  readonly sockets?: Sockets;
  /** Share the run directory of another rig: the next opsd after it. */
  readonly after?: Rig;
  /** Hears what is reported, too. */
  readonly hear?: (event: Event) => void;
  /** Called when the output of a new process is opened. */
  readonly open?: () => void;
}

export interface Rig extends AsyncDisposable {
  readonly processes: ServiceProcesses;
  readonly signals: ReadySignals;
  /** A folder of its own; the run directory is in it. */
  readonly dir: string;
  /** What services wrote so far. */
  output(): Promise<string>;
  readonly runDir: string;
  readonly events: readonly Event[];
  readonly log: readonly string[];
  event<T extends Event['type']>(type: T, generation?: number, limitMs?: number): Promise<Reported<T>>;
  start(spec: ServiceSpec, generation?: number): Promise<number>;
  discover(options?: Partial<DiscoveryOptions>): Discovery;
  /** All living processes with the marker of this rig, forged ones too. */
  alive(): number[];
}

const EVERYBODY = { has: () => true };

export async function rig(options: RigOptions = {}): Promise<Rig> {
  const folder = options.after ? null : await scratch();
  const dir = options.after?.dir ?? folder?.path ?? '';
  const runDir = join(dir, 'run');
  await mkdir(runDir, { recursive: true });
  const events: Event[] = [];
  const log: string[] = [];
  const report = (event: Event) => {
    events.push(event);
    options.hear?.(event);
  };
  const signals = new ReadySignals({
    clock: systemClock,
    report,
    runDir,
    logFile: () => ({ path: join(dir, 'out'), uid: process.geteuid?.() ?? 0 }),
  });
  const spawner = loadPosixSpawner();
  if (spawner === null) throw new Error('this Node has no node:ffi');
  const processes = new ServiceProcesses({
    clock: systemClock,
    spawner,
    report,
    signals,
    runDir,
    outputs: {
      open() {
        options.open?.();
        const out = openSync(join(dir, 'out'), 'a', 0o666);
        return { stdout: out, stderr: out, close: () => closeSync(out) };
      },
    },
    log: (line) => log.push(line),
    cgroups: options.cgroups ?? null,
    sockets: options.sockets ?? NO_SOCKETS,
    baseNofile: options.baseNofile ?? limitOf('self')?.soft ?? 1024,
  });
  const look = (given: Partial<DiscoveryOptions> = {}): Discovery => {
    const seen = discoverProcesses(runDir, {
      hints: [],
      uidOf: () => null,
      users: EVERYBODY,
      populated: [],
      clock: systemClock,
      ...given,
    });
    if (seen === null) throw new Error('no descriptor left to read /proc');
    return seen;
  };
  const alive = () => {
    const { found, forged } = look();
    return [...found.flatMap(pidsOf), ...forged.map(({ pid }) => pid)];
  };
  return {
    processes,
    signals,
    dir,
    output: () => readFile(join(dir, 'out'), 'utf8'),
    runDir,
    events,
    log,
    event: (type, generation, limitMs) =>
      waitFor(
        `event ${type}`,
        () =>
          events.find(
            (event): event is Reported<typeof type> =>
              event.type === type &&
              (generation === undefined || ('generation' in event && event.generation === generation)),
          ),
        limitMs,
      ),
    async start(spec, generation = 1) {
      processes.spawn('web', generation, spec);
      const last = events.at(-1);
      if (last?.type !== 'spawned') throw new Error(`not spawned: ${JSON.stringify(last)}`);
      return last.pid;
    },
    discover: look,
    alive,
    async [Symbol.asyncDispose]() {
      await processes[Symbol.asyncDispose]();
      spawner[Symbol.dispose]();
      signals[Symbol.dispose]();
      await waitFor('the end of what the test left', () => {
        const pids = alive();
        for (const pid of pids) end(pid);
        return pids.length === 0;
      });
      await folder?.[Symbol.asyncDispose]();
    },
  };
}

export function pidsOf(found: Found): number[] {
  return [...(found.main ? [found.main.identity.pid] : []), ...found.others.map(({ pid }) => pid)];
}

/** SIGKILL by PID, to nobody else. */
export function end(pid: number): void {
  const identity = identityOf(pid);
  if (identity) sendSignal({ to: 'process', identity }, 'SIGKILL');
}

export function isAlive(pid: number): boolean {
  const identity = identityOf(pid);
  return identity !== null && isSame(identity);
}
