// Who a process is, beyond its number.

import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { codeOf } from '../../errors.ts';
import type { Identity } from '../../runtime/ports.ts';
import { isOutOfDescriptors, withSpare } from './spare-descriptor.ts';

/** What /proc/PID/stat tells (proc_pid_stat(5)). */
export interface ProcessStat {
  readonly pid: number;
  /** R, S, D, T, Z, X, … */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot. */
  readonly startTime: number;
  readonly isKernelThread: boolean;
}

/** The kernel's PID_MAX_LIMIT on 64 bits. */
const HIGHEST_PID = 2 ** 22;
const PF_KTHREAD = 0x0020_0000;
/** Longer than any stat line: 52 numbers and a name of at most 64 bytes. */
const line = Buffer.allocUnsafe(2048);

/**
 * Why nothing was read: there is no such process; we may not look; or opsd itself has no descriptor or memory left, so
 * that nothing at all can be said.
 */
export type Unread = 'gone' | 'forbidden' | 'exhausted';

export function readStat(pid: number): ProcessStat | Unread {
  const length = readProcFile(`/proc/${pid}/stat`, line);
  return typeof length === 'number' ? parseStat(pid, line.toString('latin1', 0, length)) : length;
}

/** All that there are. null: no descriptor is left to list them. */
export function listProcesses(): number[] | null {
  try {
    // Beside processes /proc has files and folders with names.
    return withSpare(() => readdirSync('/proc'))
      .map(Number)
      .filter(Number.isSafeInteger);
  } catch {
    return null;
  }
}

/** Fields are counted from the last `)`: a name may hold spaces and parentheses (edge case 1). */
export function parseStat(pid: number, text: string): ProcessStat | 'gone' {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ', 20);
  const [state, parent, group, session, , , flags] = fields;
  const startTime = Number(fields[19]);
  if (state === undefined || !Number.isSafeInteger(startTime)) return 'gone';
  return {
    pid,
    state,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTime,
    isKernelThread: (Number(flags) & PF_KTHREAD) !== 0,
  };
}

/** Reads a file of /proc into `into`, as much as fits: the number of bytes, or why there is none. */
export function readProcFile(path: string, into: Buffer): number | Unread {
  try {
    return withSpare(() => read(path, into));
  } catch (error) {
    return whyUnread(error);
  }
}

function read(path: string, into: Buffer): number {
  const descriptor = openSync(path, 'r');
  try {
    return readSync(descriptor, into, 0, into.length, 0);
  } finally {
    closeSync(descriptor);
  }
}

function whyUnread(error: unknown): Unread {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ESRCH') return 'gone';
  return isOutOfDescriptors(error) || code === 'ENOMEM' ? 'exhausted' : 'forbidden';
}

let bootIdRead: string | null = null;

/** Differs after each boot: a PID and a start time of another boot say nothing. */
export function bootId(): string {
  bootIdRead ??= withSpare(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')).trim();
  return bootIdRead;
}

/** null: there is no such process, or it cannot be looked at. */
export function identityOf(pid: number): Identity | null {
  const stat = readStat(pid);
  return typeof stat === 'string' ? null : { pid, startTime: stat.startTime, bootId: bootId() };
}

/** A zombie is `gone`: no signal reaches it, and its parent may never fetch it. */
export function lifeOf(identity: Identity): 'alive' | 'gone' | 'unknown' {
  if (identity.bootId !== bootId()) return 'gone';
  const stat = readStat(identity.pid);
  if (stat === 'gone') return 'gone';
  if (typeof stat === 'string') return 'unknown';
  return stat.startTime === identity.startTime && isLiving(stat) ? 'alive' : 'gone';
}

/** Is it known for sure that the process lives and is the very one that was meant? */
export function isSame(identity: Identity): boolean {
  return lifeOf(identity) === 'alive';
}

/** Now, as start times are counted: hundredths of a second (USER_HZ) since boot. 0: it cannot be read. */
export function ticksNow(): number {
  const length = readProcFile('/proc/uptime', line);
  if (typeof length === 'string') return 0;
  const [uptime = '0'] = line.toString('latin1', 0, length).split(' ');
  return Math.round(Number(uptime) * 100);
}

export function isLiving(stat: ProcessStat): boolean {
  return stat.state !== 'Z' && stat.state !== 'X';
}

/**
 * The PID in a PID file or another text of uncertain origin: decimal, at most one newline after it; null for anything
 * else, and for what must never be signalled (init, opsd, its parent). `process.kill('')` would hit our own group.
 */
export function parsePid(text: string): number | null {
  if (!/^[1-9][0-9]{0,9}\n?$/.test(text)) return null;
  const pid = Number(text);
  return isSignallable(pid) && pid !== process.ppid ? pid : null;
}

export function isSignallable(pid: number): boolean {
  return Number.isSafeInteger(pid) && pid > 1 && pid <= HIGHEST_PID && pid !== process.pid;
}
