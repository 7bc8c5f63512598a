// Finds the processes of services in /proc, as a checker that is not opsd, and ends what a test left.

import { readdirSync, readFileSync } from 'node:fs';
import { waitFor } from './wait.ts';

/** PIDs of living processes that carry the marker of this run directory; zombies are not alive. */
export function survivorsOf(runDir: string, service?: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .filter((pid) => {
      const [, name, dir] = /^\d+:([^:]+):(.*)$/.exec(environmentOf(pid).get('OPSD_MARKER') ?? '') ?? [];
      return dir === runDir && (service === undefined || service === name);
    });
}

/** Empty: there is none, or not any more. */
export function environmentOf(pid: number): Map<string, string> {
  const entries = procFile(pid, 'environ').split('\0').filter(Boolean);
  return new Map(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

/** Text of /proc/PID/NAME; empty: the process is gone, or not ours to see. */
export function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** What its parent has not been told about yet is dead all the same. */
export function isAlive(pid: number): boolean {
  const stat = procFile(pid, 'stat');
  return stat !== '' && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

/** Fork bombs too: until none was found. */
export async function endSurvivors(runDir: string): Promise<void> {
  await waitFor('the end of what a test left', () => {
    const pids = survivorsOf(runDir);
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    return pids.length === 0;
  });
}
