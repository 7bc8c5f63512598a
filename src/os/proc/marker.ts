// The marker that every process of a service carries in its environment: by it the next opsd recognizes the process.

import { readProcFile } from '../procfs/proc-file.ts';

export interface Marker {
  readonly service: string;
  readonly generation: number;
  readonly runDir: string;
}

export const MARKER = 'OPSD_MARKER';

export function formatMarker(marker: Marker): string {
  return `${marker.generation}:${marker.service}:${marker.runDir}`;
}

/** null: opsd cannot have written this text. */
export function parseMarker(text: string): Marker | null {
  const [, generation, service, runDir] =
    /^([1-9][0-9]{0,14}):([A-Za-z0-9][A-Za-z0-9_.-]{0,63}(?:@[a-z0-9_]{1,12}){0,2}):(\/.*)$/s.exec(text) ?? [];
  if (generation === undefined || service === undefined || runDir === undefined) return null;
  return { service, generation: Number(generation), runDir };
}

const NEEDLE = Buffer.from(`${MARKER}=`);
/**
 * How much of an environment is read. opsd puts the marker first, but a program that starts another (a shell, for one)
 * may reorder the environment. The kernel accepts no variable above 128 KiB, and hardly any environment is larger than
 * that in all. A process whose marker lies behind that is recognized by its session, its cgroup, or an earlier scan.
 * This also bounds what a process with megabytes of environment costs opsd.
 */
const space = Buffer.allocUnsafe(128 * 1024);

/**
 * The marker in the environment that the process was started with. `none`: no marker is visible. `empty`: the process
 * has no environment, or is in the middle of an exec.
 */
export function readMarker(pid: number): { readonly text: string } | 'none' | 'empty' | 'gone' | 'exhausted' {
  const path = `/proc/${pid}/environ`;
  const length = readProcFile(path, space);
  if (length === 'forbidden') return 'none';
  if (typeof length === 'string') return length;
  return length === 0 ? 'empty' : findMarker(space.subarray(0, length));
}

function findMarker(environment: Buffer): { readonly text: string } | 'none' {
  for (let at = environment.indexOf(NEEDLE); at !== -1; at = environment.indexOf(NEEDLE, at + 1)) {
    if (at !== 0 && environment[at - 1] !== 0) continue;
    const end = environment.indexOf(0, at);
    return { text: environment.toString('utf8', at + NEEDLE.length, end === -1 ? environment.length : end) };
  }
  return 'none';
}
