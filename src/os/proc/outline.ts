// What /proc tells of a process without waiting for it: the kernel takes a lock for /proc/PID/stat that an exec holds, and a stranger can make an exec hang.

import { type ProcessStat, readProcFile, type Unread } from './identity.ts';

/** A process as /proc/PID/status has it. The start time is not there. */
export interface Outline extends Omit<ProcessStat, 'startTime' | 'isKernelThread'> {
  /** The real user id. */
  readonly uid: number;
}

/** Enough for all up to NSsid, unless the process is in hundreds of groups. */
const status = Buffer.allocUnsafe(4096);

/**
 * Group and session are 0, which no process has, where a long list of groups hides them. null: this kernel does not
 * tell them (no PID namespaces).
 */
export function readOutline(pid: number): Outline | Unread | null {
  const length = readProcFile(`/proc/${pid}/status`, status);
  if (typeof length === 'string') return length;
  const text = status.toString('latin1', 0, length);
  const uid = fieldOf(text, 'Uid');
  if (uid === null) return 'gone';
  const session = fieldOf(text, 'NSsid');
  if (session === null && length < status.length) return null;
  const [, state = ''] = /^State:\t(\S)/m.exec(text) ?? [];
  const parent = fieldOf(text, 'PPid') ?? 0;
  return { pid, uid, state, parent, group: fieldOf(text, 'NSpgid') ?? 0, session: session ?? 0 };
}

/** The first number of a line. The kernel escapes line breaks in names of processes. */
function fieldOf(text: string, name: string): number | null {
  const [, digits] = new RegExp(`^${name}:\\t(\\d+)`, 'm').exec(text) ?? [];
  return digits === undefined ? null : Number(digits);
}

/**
 * The real user id. Not the owner of /proc/PID, which is root for every process that is not dumpable, such as a set-uid
 * program that a user started. null: the process is gone or cannot be read.
 */
export function userOf(pid: number): number | null {
  const uid = readUser(pid);
  return typeof uid === 'number' ? uid : null;
}

export function readUser(pid: number): number | Unread {
  const length = readProcFile(`/proc/${pid}/status`, status);
  if (typeof length === 'string') return length;
  return fieldOf(status.toString('latin1', 0, length), 'Uid') ?? 'gone';
}
