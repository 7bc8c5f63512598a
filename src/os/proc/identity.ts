// The identity of a process: PID, start time and boot id, as PIDs are reused.

import { readdirSync, readFileSync } from 'node:fs';
import type { Identity } from '../../runtime/ports.ts';
import { readProcFile, type Unread } from '../procfs/proc-file.ts';
import { withSpare } from '../procfs/spare-descriptor.ts';
import { isWithheld } from '../procfs/withheld.ts';

/** Fields of /proc/PID/stat (proc_pid_stat(5)). */
export interface ProcessStat {
  readonly pid: number;
  /** One letter: R, S, D, T, Z, X, … */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks (hundredths of a second) since boot. */
  readonly startTime: number;
  readonly isKernelThread: boolean;
}

/** The kernel's PID_MAX_LIMIT on 64 bits. */
const HIGHEST_PID = 2 ** 22;
const PF_KTHREAD = 0x0020_0000;
/** Buffer longer than any stat line: 52 numbers and a name of at most 64 bytes. */
const line = Buffer.allocUnsafe(2048);

/** `exhausted` as well for a process that would hang opsd. */
export function readStat(pid: number): ProcessStat | Unread {
  if (isWithheld(pid)) return 'exhausted';
  const length = readProcFile(`/proc/${pid}/stat`, line);
  return typeof length === 'number' ? parseStat(pid, line.toString('latin1', 0, length)) : length;
}

/** All PIDs of the host. null: no descriptor is left to list them. */
export function listProcesses(): number[] | null {
  try {
    // /proc also holds files and folders whose names are no numbers.
    return withSpare(() => readdirSync('/proc'))
      .map(Number)
      .filter(Number.isSafeInteger);
  } catch {
    return null;
  }
}

/** Fields are counted from the last `)`: the name of a program may hold spaces and parentheses (edge case 1). */
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

let bootIdRead: string | null = null;

/** Changes with each boot: a PID and start time of another boot prove nothing. */
export function bootId(): string {
  bootIdRead ??= withSpare(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')).trim();
  return bootIdRead;
}

/** null: the process does not exist or cannot be read. */
export function identityOf(pid: number): Identity | null {
  const stat = readStat(pid);
  return typeof stat === 'string' ? null : { pid, startTime: stat.startTime, bootId: bootId() };
}

/** A zombie counts as `gone`: no signal reaches it, and its parent may never reap it. */
export function lifeOf(identity: Identity): 'alive' | 'gone' | 'unknown' {
  if (identity.bootId !== bootId()) return 'gone';
  const stat = readStat(identity.pid);
  if (stat === 'gone') return 'gone';
  if (typeof stat === 'string') return 'unknown';
  return stat.startTime === identity.startTime && isLiving(stat) ? 'alive' : 'gone';
}

/** Whether the process certainly lives and has this identity. */
export function isSame(identity: Identity): boolean {
  return lifeOf(identity) === 'alive';
}

/** The current time in the unit of start times: hundredths of a second (USER_HZ) since boot. 0: it cannot be read. */
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
 * Parses the PID in a PID file or another text of uncertain origin: decimal, at most one newline after it. null:
 * anything else, or a process that opsd must never signal (init, opsd, its parent). `process.kill('')` would signal our
 * own group.
 */
export function parsePid(text: string): number | null {
  if (!/^[1-9][0-9]{0,9}\n?$/.test(text)) return null;
  const pid = Number(text);
  return isSignallable(pid) && pid !== process.ppid ? pid : null;
}

export function isSignallable(pid: number): boolean {
  return Number.isSafeInteger(pid) && pid > 1 && pid <= HIGHEST_PID && pid !== process.pid;
}
