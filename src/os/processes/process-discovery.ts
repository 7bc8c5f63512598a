// Process discovery: tells the services that an earlier opsd left running from all other processes of the host.

import { readFileSync } from 'node:fs';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Identity } from '../../runtime/ports.ts';
import type { Leftover } from '../cgroup/cgroups.ts';
import { bootId } from '../proc/identity.ts';
import type { Process } from '../proc/known-process.ts';
import { type Ours, ProcessTable, type Users } from '../proc/process-table.ts';
import { inOneTurn } from '../proc/turns.ts';
import { withSpare } from '../procfs/spare-descriptor.ts';
import { identityOfProcess, mayCarry, newTree, TreeIndex, treeKey } from './process-tree.ts';

/** The living processes of one generation. */
export interface Found {
  readonly service: string;
  readonly generation: number;
  /** The user id that the service runs as. */
  readonly uid: number;
  /**
   * null: the main process has ended, only other processes of its tree live. `startedAt` is exact to a hundredth of a
   * second.
   */
  readonly main: { readonly identity: Identity; readonly startedAt: Millis } | null;
  /** The main process, alive or not; null: it is unknown. */
  readonly leader: Identity | null;
  readonly others: readonly Process[];
  readonly cgroup: string | null;
}

/** A main process as the state file or a PID file names it. */
export interface Hint {
  readonly service: string;
  /** null: a PID file does not tell. */
  readonly generation: number | null;
  readonly pid: number;
  /** null: a PID file does not tell. Only a hint with an identity is proof by itself. */
  readonly identity: Identity | null;
}

export interface Discovery {
  /** At most one entry for each service and generation. */
  readonly found: readonly Found[];
  /** Processes that carry our marker but run as a user that the service does not run as: opsd never touches them. */
  readonly forged: readonly Process[];
  /** Hints whose PID now belongs to another process: opsd never touches it. */
  readonly mismatched: readonly Hint[];
}

export interface DiscoveryOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly hints: readonly Hint[];
  /** The user id that a service runs as; null: that of opsd, or unknown. */
  readonly uidOf: (service: string, generation: number) => number | null;
  /** All user ids that services may run as. */
  readonly users: Users;
  /** Cgroups of generations that still hold processes, with the PIDs of those. */
  readonly populated: readonly (Leftover & { readonly pids: readonly number[] })[];
  /** Generations whose main process is known to have ended. */
  readonly ended?: readonly { readonly service: string; readonly generation: number }[];
}

/** When opsd starts, only the hints say which sessions may belong to services. */
function ours(hints: readonly Hint[]): Ours {
  const sessions = new Set(hints.map(({ pid }) => pid));
  return { isMain: () => false, isSession: (session) => sessions.has(session) };
}

const ownUid = process.getuid?.() ?? 0;

/** What is known of one generation while the processes are assigned. */
interface Traces {
  readonly service: string;
  readonly generation: number;
  /** The main process, proven by its identity. */
  proven: Process | null;
  /** The identity of a main process that has ended. */
  dead: Identity | null;
  hasEnded: boolean;
  readonly carriers: Process[];
  cgroup: string | null;
  pids: readonly number[];
}

/** Scans all processes once. null: /proc cannot be read because no descriptor is left. */
export function discoverProcesses(
  runDir: string,
  { hints, uidOf, users, populated, ended = [], clock }: DiscoveryOptions,
): Discovery | null {
  const snapshot = inOneTurn(new ProcessTable(runDir, ours(hints), clock).scan(users));
  if (snapshot === null) return null;
  const traces = new Map<string, Traces>();
  const tracesOf = (service: string, generation: number): Traces => {
    const key = treeKey(service, generation);
    const known = traces.get(key) ?? {
      service,
      generation,
      proven: null,
      dead: null,
      hasEnded: false,
      carriers: [],
      cgroup: null,
      pids: [],
    };
    traces.set(key, known);
    return known;
  };
  for (const process of snapshot.processes) {
    if (process.marker) tracesOf(process.marker.service, process.marker.generation).carriers.push(process);
  }
  for (const { service, generation, path, pids } of populated) {
    Object.assign(tracesOf(service, generation), { cgroup: path, pids });
  }
  for (const { service, generation } of ended) tracesOf(service, generation).hasEnded = true;
  const mismatched = followHints(hints, new Map(snapshot.processes.map((process) => [process.pid, process])), tracesOf);
  const index = new TreeIndex(snapshot);
  const startedAt = bootClock(clock.now());
  const found: Found[] = [];
  const claimed = new Set<number>();
  for (const trace of traces.values()) {
    const uid = uidOf(trace.service, trace.generation) ?? ownUid;
    const main = mainOf(trace, uid, hints);
    const leader = main ? identityOfProcess(main) : trace.dead;
    const others = index.membersOf(
      newTree({ ...trace, uid, main: leader, isMainAlive: main !== null, child: null, members: new Map() }),
      trace.pids,
    );
    for (const pid of others.keys()) claimed.add(pid);
    if (main) claimed.add(main.pid);
    if (main === null && others.size === 0) continue;
    found.push({
      service: trace.service,
      generation: trace.generation,
      // A main process that still runs as opsd's user may be in its exec chain, about to become the service's user.
      uid: main === null || main.uid === null || main.uid === ownUid ? uid : main.uid,
      main: main && { identity: identityOfProcess(main), startedAt: startedAt(main.startTime) },
      leader,
      others: [...others.values()],
      cgroup: trace.cgroup,
    });
  }
  found.sort((one, other) => one.service.localeCompare(other.service) || one.generation - other.generation);
  const forged = snapshot.processes.filter((process) => process.marker !== null && !claimed.has(process.pid));
  return { found, forged, mismatched };
}

/**
 * Enters into the traces which main processes live or have ended; returns the hints whose PID belongs to another
 * process.
 */
function followHints(
  hints: readonly Hint[],
  byPid: ReadonlyMap<number, Process>,
  tracesOf: (service: string, generation: number) => Traces,
): Hint[] {
  const mismatched: Hint[] = [];
  for (const hint of hints) {
    const { identity, generation } = hint;
    if (identity === null || generation === null) continue;
    const process = byPid.get(identity.pid);
    const isOfThisBoot = identity.bootId === bootId();
    if (process && isOfThisBoot && process.startTime === identity.startTime) {
      tracesOf(hint.service, generation).proven = process;
    } else {
      if (isOfThisBoot) tracesOf(hint.service, generation).dead = identity;
      if (process) mismatched.push(hint);
    }
  }
  return mismatched;
}

/**
 * Chooses the main process: the one proven by its identity; else, unless it is known to have ended, the one that a PID
 * file names; else, where there is no PID file, the session leader that was started first. A PID file that names none
 * of the leaders means that the main process may have ended and the leader is a process that left its session. Then
 * opsd prefers a needless restart to a service that is shown as running and does not run.
 */
function mainOf(trace: Traces, uid: number, hints: readonly Hint[]): Process | null {
  if (trace.proven || trace.dead || trace.hasEnded) return trace.proven;
  const leaders = trace.carriers.filter((one) => one.session === one.pid && mayCarry(uid, one));
  const named = hints.filter(({ service, identity }) => service === trace.service && identity === null);
  if (named.length > 0) return leaders.find(({ pid }) => named.some((hint) => hint.pid === pid)) ?? null;
  return leaders.reduce<Process | null>((first, next) => (isEarlier(next, first) ? next : first), null);
}

function isEarlier(one: Process, other: Process | null): boolean {
  if (other === null || one.startTime < other.startTime) return true;
  return one.startTime === other.startTime && one.pid < other.pid;
}

/** /proc gives start times in hundredths of a second (USER_HZ) of the boot clock, which goes on during suspend. */
function bootClock(now: Millis): (startTime: number) => Millis {
  const [uptime = '0'] = withSpare(() => readFileSync('/proc/uptime', 'latin1')).split(' ');
  const bootedAt = now - Number(uptime) * 1_000;
  return (startTime) => bootedAt + startTime * 10;
}
