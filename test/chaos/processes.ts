// The processes of this host, as /proc tells of them: those that carry the marker of the opsd under test.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Marked {
  readonly pid: number;
  /** Clock ticks since boot, as text. */
  readonly start: string;
  readonly service: string;
  readonly generation: number;
}

interface Known {
  readonly start: string;
  readonly marker: readonly [service: string, generation: number] | null;
  /** Looks until an environment without a marker is believed: before its exec a child has that of its parent. */
  doubts: number;
}

const DOUBTS = 10;

/** Who a process is: its number may be used again. */
export const keyOf = ({ pid, start }: { readonly pid: number; readonly start: string }): string => `${pid}.${start}`;

export class ProcessTable {
  readonly #runDir: string;
  readonly #strangers: ReadonlySet<string>;
  readonly #known = new Map<number, Known>();

  /** `strangers`: sessions in which a marker is forged. */
  constructor(runDir: string, strangers: readonly number[]) {
    this.#runDir = runDir;
    this.#strangers = new Set(strangers.map(String));
  }

  /** All that live and carry the marker. Zombies are dead. */
  look(): Marked[] {
    const marked: Marked[] = [];
    const seen = new Set<number>();
    for (const entry of readdirSync('/proc')) {
      const pid = Number(entry);
      if (!Number.isInteger(pid)) continue;
      const stat = statOf(pid);
      if (stat === null || !stat.isAlive || this.#strangers.has(stat.session)) continue;
      seen.add(pid);
      const marker = this.#markerOf(pid, stat.start);
      if (marker) marked.push({ pid, start: stat.start, service: marker[0], generation: marker[1] });
    }
    for (const pid of this.#known.keys()) if (!seen.has(pid)) this.#known.delete(pid);
    return marked;
  }

  #markerOf(pid: number, start: string): Known['marker'] {
    let known = this.#known.get(pid);
    if (known?.start === start && (known.marker !== null || known.doubts === 0)) return known.marker;
    const doubts = known?.start === start ? known.doubts - 1 : DOUBTS;
    known = { start, marker: readMarker(pid, this.#runDir), doubts };
    this.#known.set(pid, known);
    return known.marker;
  }
}

export interface Stat {
  readonly start: string;
  readonly session: string;
  readonly state: string;
  readonly isAlive: boolean;
}

/** null: there is no such process. */
export function statOf(pid: number): Stat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state = 'X', , , session = ''] = fields;
  return { start: fields[19] ?? '', session, state, isAlive: state !== 'Z' && state !== 'X' };
}

/** Is it this very process that lives? `key`: see `keyOf`. */
export function lives(key: string): boolean {
  const [pid = '', start] = key.split('.');
  const stat = statOf(Number(pid));
  return stat?.isAlive === true && stat.start === start;
}

function readMarker(pid: number, runDir: string): Known['marker'] {
  let environment: string;
  try {
    environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return null;
  }
  for (const variable of environment.split('\0')) {
    const [, generation, service] = /^OPSD_MARKER=(\d+):([^:]+):/.exec(variable) ?? [];
    if (generation === undefined || service === undefined) continue;
    if (variable === `OPSD_MARKER=${generation}:${service}:${runDir}`) return [service, Number(generation)];
  }
  return null;
}

/** Names of the files of `folder` that the process has open. */
export function openFilesIn(pid: number, folder: string): Set<string> {
  const open = new Set<string>();
  const within = `${folder}/`;
  let descriptors: string[] = [];
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return open;
  }
  for (const descriptor of descriptors) {
    try {
      const path = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
      if (path.startsWith(within)) open.add(path.slice(within.length));
    } catch {
      // Closed since.
    }
  }
  return open;
}

/** Has it a handler for this signal? */
export function catches(pid: number, signal: number): boolean {
  try {
    const [, caught = '0'] = /^SigCgt:\t([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}
