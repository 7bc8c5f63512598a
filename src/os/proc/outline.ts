// What /proc tells of a process without waiting for it: the kernel takes a lock for /proc/PID/stat that an exec holds, and a stranger can make an exec hang.

import { fieldOf } from '../procfs/owner.ts';
import { readProcFile, type Unread } from '../procfs/proc-file.ts';
import type { ProcessStat } from './identity.ts';

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
