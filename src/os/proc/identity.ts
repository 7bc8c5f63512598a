// Who a process is, beyond its number, and the one place that sends signals: never to a stranger.

import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { SignalName } from '../../core/model/spec.ts';
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

/** Fields are counted from the last `)`: a name may hold spaces and parentheses (EDGE-CASES 1). */
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

/** The errno name of a system error, or an empty string. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
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

/** Does the number belong to another process by now? */
export function isReplaced(identity: Identity): boolean {
  const stat = readStat(identity.pid);
  return typeof stat !== 'string' && (stat.startTime !== identity.startTime || identity.bootId !== bootId());
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

function isSignallable(pid: number): boolean {
  return Number.isSafeInteger(pid) && pid > 1 && pid <= HIGHEST_PID && pid !== process.pid;
}

/** Whom a signal is for, with what proves that it is not a stranger. */
export type Target =
  /** A direct child that was not reaped yet: its number cannot be in use by another. */
  | { readonly to: 'child'; readonly pid: number }
  /** The group that such a child leads. */
  | { readonly to: 'child_group'; readonly pid: number }
  | { readonly to: 'process'; readonly identity: Identity }
  /** A group's number is not used again while it has members: one that is known proves it. */
  | { readonly to: 'group'; readonly group: number; readonly witness: Identity };

export type Sent = 'sent' | 'gone' | 'not_permitted' | 'refused';

/** `refused`: the target is opsd itself, everybody, or nobody in particular, or its identity could not be read. */
export function sendSignal(target: Target, signal: SignalName): Sent {
  const number = numberFor(target);
  if (number === 'gone' || number === 'refused') return number;
  try {
    process.kill(number, signal);
    return 'sent';
  } catch (error) {
    const code = codeOf(error);
    return code === 'ESRCH' ? 'gone' : code === 'EPERM' ? 'not_permitted' : 'refused';
  }
}

function numberFor(target: Target): number | 'gone' | 'refused' {
  switch (target.to) {
    case 'child':
      return isSignallable(target.pid) ? target.pid : 'refused';
    case 'child_group':
      return isSignallable(target.pid) && !isOwnGroup(target.pid) ? -target.pid : 'refused';
    case 'process': {
      if (!isSignallable(target.identity.pid)) return 'refused';
      const life = lifeOf(target.identity);
      return life === 'alive' ? target.identity.pid : life === 'gone' ? 'gone' : 'refused';
    }
    case 'group': {
      if (!isSignallable(target.group) || isOwnGroup(target.group)) return 'refused';
      if (target.witness.bootId !== bootId()) return 'gone';
      const stat = readStat(target.witness.pid);
      if (stat === 'gone') return 'gone';
      if (typeof stat === 'string') return 'refused';
      const proves = stat.startTime === target.witness.startTime && stat.group === target.group;
      return proves ? -target.group : 'gone';
    }
  }
}

/** Read at the start, while there surely is a descriptor for it: without one opsd must still be able to end a group. */
const self = readStat(process.pid);

function isOwnGroup(group: number): boolean {
  return typeof self === 'string' || self.group === group;
}

/** Is anything there under this number? True for zombies, and for a stranger that got the number: only a first look. */
export function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}
