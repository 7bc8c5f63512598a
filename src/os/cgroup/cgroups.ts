// One cgroup v2 for each generation, if systemd delegated a subtree to opsd: no process can leave its cgroup.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { makeFolders } from '../files/make-folders.ts';
import { withSpare } from '../procfs/spare-descriptor.ts';
import { unitProperty } from '../systemd/own-unit.ts';
import { limitsMemory } from './limits.ts';

/** The leaf for opsd itself: a cgroup with controllers enabled holds either processes or other cgroups, not both. */
const LEAF = 'opsd.daemon';
/** The kernel keeps a cgroup busy for a moment after its last process ended. */
const REMOVAL_WAITS: readonly Millis[] = [10, 30, 100, 300, 1_000];
/** Upper limit of the cgroups that a service made within its own. */
const MOST_NESTED = 1_000;

export interface Leftover {
  readonly service: string;
  readonly generation: number;
  readonly path: string;
}

/** Facts of the host by which a delegated cgroup is found. */
export interface Surroundings {
  /** /proc/self/cgroup */
  readonly ownCgroup: string;
  /** /proc/self/mountinfo */
  readonly mounts: string;
  readonly uid: number;
  /** Whether systemd started opsd as a unit (INVOCATION_ID is set). */
  readonly isUnit: boolean;
  /** Whether the unit of opsd has Delegate=. Asked only when opsd is root, which may write in every cgroup. */
  readonly hasDelegate: () => boolean;
}

type Detected =
  | { readonly cgroups: Cgroups; readonly description: string }
  | { readonly cgroups: null; readonly description: string };

export function surroundings(environment: NodeJS.ProcessEnv): Surroundings {
  return {
    ownCgroup: readFileSync('/proc/self/cgroup', 'latin1'),
    mounts: readFileSync('/proc/self/mountinfo', 'latin1'),
    uid: process.getuid?.() ?? 0,
    isUnit: environment.INVOCATION_ID !== undefined,
    hasDelegate: () => unitProperty('Delegate') === 'yes',
  };
}

/** Finds the cgroup delegated to opsd and moves opsd into a leaf of it. `description`: one line for the log. */
export function detectCgroups(surroundings: Surroundings, clock: Clock): Detected {
  const none = (why: string): Detected => ({
    cgroups: null,
    description: `no cgroups (${why}): process trees are found by session and environment`,
  });
  const own = ownPath(surroundings);
  if (own === null) return none('cgroup v2 is not mounted, or we are not in it');
  if (!surroundings.isUnit) return none('not a systemd unit');
  const isBornInLeaf = basename(own) === LEAF;
  const base = isBornInLeaf ? dirname(own) : own;
  if (!existsSync(join(base, 'cgroup.kill'))) return none('the root cgroup, or a kernel before 5.14');
  if (surroundings.uid === 0 && !surroundings.hasDelegate()) return none('the unit has no Delegate=yes');
  try {
    makeFolders(join(base, LEAF));
    if (!isBornInLeaf) writeFileSync(join(base, LEAF, 'cgroup.procs'), '0');
  } catch (error) {
    return none(`${base} cannot be used: ${codeOf(error)}`);
  }
  // Only if systemd itself puts the next opsd into the leaf (DelegateSubgroup=): with controllers enabled, systemd
  // could not start it in the unit's own cgroup beside services that live on.
  if (isBornInLeaf) handOnControllers(base);
  return { cgroups: new Cgroups(base, clock), description: `cgroups: one for each generation below ${base}` };
}

function handOnControllers(base: string): void {
  for (const controller of ['memory', 'pids', 'cpu', 'io']) {
    try {
      writeFileSync(join(base, 'cgroup.subtree_control'), `+${controller}`);
    } catch {
      // The controller is not available or not delegated: it then counts for the unit as a whole.
    }
  }
}

/** Path of opsd's own cgroup in the file system; null: there is none. */
function ownPath({ ownCgroup, mounts }: Surroundings): string | null {
  const [, path] = /^0::(\/.*)$/m.exec(ownCgroup) ?? [];
  if (path === undefined || path.includes('/..')) return null;
  for (const mount of mounts.split('\n')) {
    const [front = '', back = ''] = mount.split(' - ');
    if (!back.startsWith('cgroup2 ')) continue;
    const [, , , root = '/', point = ''] = front.split(' ');
    const below = root === '/' ? path : path.startsWith(`${root}/`) || path === root ? path.slice(root.length) : null;
    if (below !== null) return join(point, below);
  }
  return null;
}

export class Cgroups {
  readonly #base: string;
  readonly #clock: Clock;
  #oomKillsOfUnit: number;

  constructor(base: string, clock: Clock) {
    this.#clock = clock;
    this.#base = base;
    this.#oomKillsOfUnit = oomKills(base) ?? 0;
  }

  /**
   * Creates the cgroup of a generation. Throws when a cgroup of that name is still populated, or a limit is reached.
   */
  create(service: string, generation: number): string {
    const path = this.#pathOf(service, generation);
    try {
      mkdirSync(path);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      removeTree(path);
      mkdirSync(path);
    }
    return path;
  }

  /** Path of the cgroup of a generation that an earlier opsd started; null: it has none. */
  find(service: string, generation: number): string | null {
    const path = this.#pathOf(service, generation);
    return existsSync(path) ? path : null;
  }

  /** Whether the kernel enforces a memory limit for this generation. */
  holdsMemory(service: string, generation: number): boolean {
    return limitsMemory(this.#pathOf(service, generation));
  }

  /** PIDs of all processes in the cgroup and below it. */
  members(path: string): number[] {
    return nested(path).flatMap((cgroup) => readLines(join(cgroup, 'cgroup.procs')).map(Number));
  }

  isPopulated(path: string): boolean {
    return readLines(join(path, 'cgroup.events')).includes('populated 1');
  }

  /** Sends SIGKILL to all processes of the cgroup at once, even to those that keep forking. */
  kill(path: string): void {
    try {
      withSpare(() => writeFileSync(join(path, 'cgroup.kill'), '1'));
    } catch {
      // The cgroup is gone already. Each process is also killed by itself.
    }
  }

  /**
   * Whether the OOM killer killed a process in the cgroup. If only the unit counts: whether it did since the last call.
   */
  wasOutOfMemory(path: string): boolean {
    const own = oomKills(path);
    if (own !== null) return own > 0;
    const ofUnit = oomKills(this.#base) ?? 0;
    const more = ofUnit > this.#oomKillsOfUnit;
    this.#oomKillsOfUnit = ofUnit;
    return more;
  }

  /**
   * Removes the empty cgroup of a generation. Resolves to false when it stays busy; the next start of opsd removes it
   * then.
   */
  async remove(path: string): Promise<boolean> {
    for (const wait of [0, ...REMOVAL_WAITS]) {
      if (wait > 0) await this.#clock.after(wait);
      try {
        removeTree(path);
        return true;
      } catch (error) {
        if (codeOf(error) !== 'EBUSY') return false;
      }
    }
    return false;
  }

  /** Removes empty cgroups of earlier generations; returns those that still have processes. */
  sweep(): Leftover[] {
    const populated: Leftover[] = [];
    for (const name of folders(this.#base)) {
      const [, service, generation] = /^(.+)\.([1-9][0-9]{0,14})$/.exec(name) ?? [];
      if (service === undefined || generation === undefined) continue;
      const path = join(this.#base, name);
      if (this.isPopulated(path)) populated.push({ service, generation: Number(generation), path });
      else void this.remove(path);
    }
    return populated;
  }

  #pathOf(service: string, generation: number): string {
    return join(this.#base, `${service}.${generation}`);
  }
}

/** Removes a cgroup and those below it, the innermost first. Throws EBUSY while there are processes. */
function removeTree(path: string): void {
  for (const cgroup of nested(path).reverse()) {
    try {
      rmdirSync(cgroup);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}

/** The cgroup and those below it, parents before children. */
function nested(path: string): string[] {
  const all = [path];
  for (let at = 0; at < all.length && all.length < MOST_NESTED; at += 1) {
    const cgroup = all[at];
    if (cgroup !== undefined) all.push(...folders(cgroup).map((name) => join(cgroup, name)));
  }
  return all;
}

function folders(path: string): string[] {
  try {
    return withSpare(() => readdirSync(path, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

function readLines(path: string): string[] {
  try {
    return withSpare(() => readFileSync(path, 'latin1'))
      .split('\n')
      .filter(Boolean);
  } catch {
    return [];
  }
}

/** Number of OOM kills; null: the memory controller is not enabled here. */
function oomKills(path: string): number | null {
  const line = readLines(join(path, 'memory.events')).find((entry) => entry.startsWith('oom_kill '));
  return line === undefined ? null : Number(line.slice('oom_kill '.length));
}
