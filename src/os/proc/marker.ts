// The mark that every process of a service carries in its environment: by it the next opsd knows its own.

import { readProcFile } from './identity.ts';

export interface Marker {
  readonly service: string;
  readonly generation: number;
  readonly runDir: string;
}

export const MARKER = 'OPSD_MARKER';

export function formatMarker(marker: Marker): string {
  return `${marker.generation}:${marker.service}:${marker.runDir}`;
}

/** null: not a marker that opsd can have written. */
export function parseMarker(text: string): Marker | null {
  const [, generation, service, runDir] =
    /^([1-9][0-9]{0,14}):([A-Za-z0-9][A-Za-z0-9_.-]{0,63}(?:@[a-z0-9_]{1,12}){0,2}):(\/.*)$/s.exec(text) ?? [];
  if (generation === undefined || service === undefined || runDir === undefined) return null;
  return { service, generation: Number(generation), runDir };
}

const NEEDLE = Buffer.from(`${MARKER}=`);
/**
 * opsd puts the marker first. A program that starts another may bring the environment into an order of its own (shells
 * do), so that it may stand anywhere; but the kernel takes no variable above 128 KiB, and hardly any environment has as
 * much in all. Behind that it is not found: such a process is known by its session, its cgroup, or as it was seen before.
 * Whoever fills megabytes makes opsd read no more than this.
 */
const space = Buffer.allocUnsafe(128 * 1024);

/**
 * The marker's text in the environment that a process was started with; `none`: it has none that we see;
 * `empty`: no environment at all, or the process is just being replaced by exec.
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
