// One look at all processes of the host: those that carry our marker, and how all of them hang together.

import { readdirSync } from 'node:fs';
import type { Millis } from '../core/spec.ts';
import { monotonic } from '../runtime/clock.ts';
import { isLiving, type ProcessStat, readProcFile, readStat } from './identity.ts';
import { type Marker, parseMarker, readMarker } from './marker.ts';

/** A living process that opsd did not start itself, or that it adopted. */
export interface Process extends ProcessStat {
  /** Of this run directory; null: it carries none. */
  readonly marker: Marker | null;
}

export interface Snapshot {
  readonly processes: readonly Process[];
  /** Some came or went or were being replaced by exec while we looked: who finds nothing should look again. */
  readonly unsettled: boolean;
}

/** What is remembered of a process between two looks: its environment does not change, unless it replaces itself. */
interface Remembered {
  readonly startTime: number;
  readonly marker: Marker | null;
  /** Kernel threads are not even looked at until then. */
  readonly kernelUntil: Millis;
  /** How often its environment was found empty. */
  emptyReads: number;
  seenIn: number;
}

/** Kernel threads come and go seldom, and there are hundreds of them on larger hosts. */
const KERNEL_THREAD_KNOWN: Millis = 1_000;
/** An exec in progress shows an empty environment for microseconds; one found empty that often is empty. */
const EMPTY_READS = 3;

export class ProcessTable {
  readonly #runDir: string;
  /** PIDs of direct children that were not reaped yet: known without a look. */
  readonly #children: ReadonlySet<number>;
  readonly #remembered = new Map<number, Remembered>();
  #looks = 0;

  constructor(runDir: string, children: ReadonlySet<number>) {
    this.#runDir = runDir;
    this.#children = children;
  }

  /** null: opsd has no descriptor left to look with, nothing can be said. */
  look(): Snapshot | null {
    this.#looks += 1;
    const now = monotonic();
    const processes: Process[] = [];
    let unsettled = false;
    const entries = listProc();
    if (entries === null) return null;
    for (const entry of entries) {
      const pid = pidOf(entry);
      if (pid === 0 || pid === process.pid || this.#children.has(pid)) continue;
      const known = this.#remembered.get(pid);
      if (known && known.kernelUntil > now) {
        known.seenIn = this.#looks;
        continue;
      }
      const stat = readStat(pid);
      if (stat === 'exhausted') return null;
      if (stat === 'gone') unsettled ||= known === undefined || known.marker !== null;
      if (typeof stat === 'string' || !isLiving(stat)) continue;
      if (known && known.startTime === stat.startTime && (known.emptyReads === 0 || known.emptyReads >= EMPTY_READS)) {
        known.seenIn = this.#looks;
        if (!stat.isKernelThread) processes.push({ ...stat, marker: known.marker });
        continue;
      }
      const fresh = this.#meet(stat, now, known?.startTime === stat.startTime ? known.emptyReads : 0);
      if (fresh === null) return null;
      if (fresh.emptyReads > 0 && fresh.emptyReads < EMPTY_READS) unsettled = true;
      if (!stat.isKernelThread) processes.push({ ...stat, marker: fresh.marker });
    }
    for (const [pid, known] of this.#remembered) if (known.seenIn !== this.#looks) this.#remembered.delete(pid);
    return { processes, unsettled };
  }

  #meet(stat: ProcessStat, now: Millis, emptyReads: number): Remembered | null {
    const found = stat.isKernelThread ? 'none' : readMarker(stat.pid);
    if (found === 'exhausted') return null;
    const marker = typeof found === 'object' ? parseMarker(found.text) : null;
    const fresh: Remembered = {
      startTime: stat.startTime,
      marker: marker?.runDir === this.#runDir ? marker : null,
      kernelUntil: stat.isKernelThread ? now + KERNEL_THREAD_KNOWN : 0,
      emptyReads: found === 'empty' || found === 'gone' ? emptyReads + 1 : 0,
      seenIn: this.#looks,
    };
    this.#remembered.set(stat.pid, fresh);
    return fresh;
  }
}

function listProc(): string[] | null {
  try {
    return readdirSync('/proc');
  } catch {
    return null;
  }
}

/** 0 for the entries of /proc that are no processes. */
function pidOf(entry: string): number {
  const first = entry.charCodeAt(0);
  return first >= 0x31 && first <= 0x39 ? Number(entry) : 0;
}

const status = Buffer.allocUnsafe(4096);

/**
 * The real user id. Not the owner of /proc/PID, which is root for every process that is not dumpable, and so for any
 * set-uid program that a user starts. null: gone, or not to be seen.
 */
export function userOf(pid: number): number | null {
  const length = readProcFile(`/proc/${pid}/status`, status);
  if (typeof length === 'string') return null;
  const [, uid] = /^Uid:\t(\d+)/m.exec(status.toString('latin1', 0, length)) ?? [];
  return uid === undefined ? null : Number(uid);
}
