// What the kernel says of a process: its memory, its CPU time, and whether it is still there.

import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { now } from './child.ts';

/** USER_HZ, in which /proc counts, is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Share of one core over `ms`, user and system time of all its threads. */
export async function cpuShare(pid: number, ms: number): Promise<number> {
  const before = cpuSeconds(pid);
  const begun = now();
  await pause(ms);
  return ((cpuSeconds(pid) - before) * 1_000) / (now() - begun);
}

export function cpuSeconds(pid: number): number {
  return secondsOf(`${pid}`, 11);
}

/** Of all processes that this one started and that have ended. */
export function cpuSecondsOfEnded(): number {
  return secondsOf('self', 13);
}

/** Two fields of proc_pid_stat(5), counted after the name: user and system time. */
function secondsOf(pid: string, field: 11 | 13): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[field]) + Number(fields[field + 1])) / TICKS_PER_SECOND;
}

/** Proportional and resident set size in MB. What it shares with other copies of the same program makes the first smaller. */
export function memoryOf(pid: number): { readonly pss: number; readonly rss: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const of = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1_024) / 1e6;
  return { pss: of('Pss'), rss: of('Rss') };
}

/** A zombie counts: who is not reaped is not gone. */
export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves with the time when the last of them was gone. */
export async function allGone(pids: readonly number[], limit: number): Promise<number> {
  const end = now() + limit;
  for (let left = [...pids]; ; await pause(1)) {
    while (left.length > 0 && !isThere(left[left.length - 1] ?? 0)) left.pop();
    if (left.length === 0) return now();
    if (now() > end) throw new Error(`${left.filter(isThere).length} processes are still there after ${limit} ms`);
    if (left.length > 50) left = left.filter(isThere);
  }
}

/** Ends those that are left, by their PIDs. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}
