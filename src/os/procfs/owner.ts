// The user of a process, read without waiting for the process.

import { readProcFile, type Unread } from './proc-file.ts';

/** The user ids are among the first lines. */
const status = Buffer.allocUnsafe(1024);

/** The first number of a line. The kernel escapes line breaks in names of processes. */
export function fieldOf(text: string, name: string): number | null {
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
