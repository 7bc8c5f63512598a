// Opens and looks at paths that somebody else may have prepared: never waits, never becomes a terminal's, follows no stranger's link.

import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
  statfsSync,
  statSync,
} from 'node:fs';
import { type Acl, aclOf } from './acl.ts';

/** Neither waits for anything, nor does anything to what is there, nor needs a right to it (open(2)); Node has no name for it. */
const O_PATH = 0o10000000;
/** Node adds O_CLOEXEC. */
const HARMLESS = constants.O_NONBLOCK | constants.O_NOCTTY;
/** The kernel's own limit (path_resolution(7)). */
const MOST_LINKS = 40;
/** Far more than PATH_MAX has room for: what links add to a path ends there. */
const MOST_STEPS = 4096;
/** statfs(2) of procfs. */
const PROC_SUPER_MAGIC = 0x9fa0;

/** A folder or a link on the way. */
export interface Step {
  readonly path: string;
  readonly stats: Stats;
  /** null: none, or nobody asks. */
  readonly acl: Acl | null;
}

/** Somebody who is not to be trusted with it can decide what is found at a path. `message` says who, and what to do. */
export class DistrustedPath extends Error {}

/** The numbers of users whose links are followed; null: all, as opsd has no right there that the asker has not. */
type Trusted = ReadonlySet<number> | null;

/** What is at the end of a path, held by a descriptor: whoever changes the path from now on changes nothing here. */
export class Found implements Disposable {
  /** O_PATH: nothing was opened yet. */
  readonly seen: number;
  readonly stats: Stats;
  /** From / on; without what was found itself. */
  readonly way: readonly Step[];

  constructor(seen: number, stats: Stats, way: readonly Step[]) {
    this.seen = seen;
    this.stats = stats;
    this.way = way;
  }

  /** Of a regular file only: opening a device or a FIFO does something. The caller closes it. Throws what open(2) gives. */
  open(flags: number): number {
    return openSync(`/proc/self/fd/${this.seen}`, flags | HARMLESS);
  }

  [Symbol.dispose](): void {
    closeSync(this.seen);
  }
}

/**
 * Walks an absolute path from / on, one name at a time and each from the descriptor of the folder before it, so that
 * nothing can be swapped in between. Links are followed only where every link and folder on the whole way is of somebody
 * in `trusted`, and never those of /proc, which lead into other processes. Throws DistrustedPath, or what open(2) gives.
 */
export function find(path: string, trusted: Trusted): Found {
  const walk = new Walk(trusted);
  try {
    return walk.to(path);
  } catch (error) {
    walk.abandon();
    throw error;
  }
}

/** The same by the kernel's own walk, every link followed: where opsd has no right that the asker has not. Throws what open(2) gives. */
export function hold(path: string): Found {
  const seen = openSync(path, O_PATH);
  return new Found(seen, fstatSync(seen), []);
}

class Walk {
  readonly #trusted: Trusted;
  readonly #way: Step[] = [];
  #folder: number;
  /** Of what is held as `#folder`. */
  #names: string[] = [];
  #links = 0;
  /** The first on the way that is of somebody else. */
  #stranger: Step | null = null;

  constructor(trusted: Trusted) {
    this.#trusted = trusted;
    this.#folder = openSync('/', O_PATH | constants.O_DIRECTORY);
  }

  to(path: string): Found {
    const left = namesOf(path).reverse();
    this.#enter(fstatSync(this.#folder));
    for (let steps = 0; ; steps++) {
      const name = left.pop();
      if (name === undefined) return this.#arrive();
      if (steps > MOST_STEPS) throw loop(path);
      const next = openSync(`/proc/self/fd/${this.#folder}/${name}`, O_PATH | constants.O_NOFOLLOW);
      const stats = fstatSync(next);
      if (stats.isSymbolicLink()) {
        closeSync(next);
        left.push(...this.#follow(name, stats).reverse());
        continue;
      }
      closeSync(this.#folder);
      this.#folder = next;
      if (name === '..') this.#names.pop();
      else this.#names.push(name);
      if (left.length > 0 || stats.isDirectory()) this.#enter(stats);
    }
  }

  #arrive(): Found {
    const stats = fstatSync(this.#folder);
    const way = stats.isDirectory() ? this.#way.slice(0, -1) : this.#way;
    return new Found(this.#folder, stats, way);
  }

  #path(): string {
    return `/${this.#names.join('/')}`;
  }

  #enter(stats: Stats): void {
    this.#pass({ path: this.#path(), stats, acl: this.#trusted === null ? null : aclOf(this.#folder) });
  }

  #pass(step: Step): void {
    this.#way.push(step);
    if (this.#trusted !== null && !this.#trusted.has(step.stats.uid)) this.#stranger ??= step;
    if (this.#stranger !== null && this.#links > 0) throw this.#distrust(this.#stranger);
  }

  #distrust({ path, stats }: Omit<Step, 'acl'>): DistrustedPath {
    const what = stats.isSymbolicLink() ? 'is a symbolic link that' : 'is on a way with symbolic links, and';
    const remedy = stats.isSymbolicLink()
      ? 'put the file itself there'
      : `write the path without them, or chown ${path}`;
    return new DistrustedPath(`${path} ${what} belongs to user ${stats.uid}, who could lead opsd anywhere; ${remedy}`);
  }

  /** The names that the link stands for. */
  #follow(name: string, stats: Stats): string[] {
    const here = `/proc/self/fd/${this.#folder}/${name}`;
    const path = `${this.#path() === '/' ? '' : this.#path()}/${name}`;
    if (statfsSync(`/proc/self/fd/${this.#folder}`).type === PROC_SUPER_MAGIC) {
      throw new DistrustedPath(`${path} is a link of /proc, which may lead into another process; name the file itself`);
    }
    if (++this.#links > MOST_LINKS) throw loop(path);
    this.#pass({ path, stats, acl: null });
    const text = readlinkSync(here);
    const { ino, dev } = lstatSync(here);
    if (ino !== stats.ino || dev !== stats.dev) {
      throw new DistrustedPath(`${path} was replaced while it was read; try again`);
    }
    if (text.startsWith('/')) {
      closeSync(this.#folder);
      this.#folder = openSync('/', O_PATH | constants.O_DIRECTORY);
      this.#names = [];
    }
    return namesOf(text);
  }

  abandon(): void {
    closeSync(this.#folder);
  }
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function loop(path: string): Error {
  return Object.assign(new Error(`ELOOP: too many symbolic links, ${path}`), { code: 'ELOOP' });
}

/** What has this name, and not what a link there leads to; null: nothing. Throws what lstat(2) gives. */
export function lookAt(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}

/** What is at the end of the path, links followed: for what an operator is told, not for what opsd relies on. Throws what stat(2) gives. */
export function lookThrough(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}

/** The same, with times in nanoseconds; throws where there is nothing, too. */
export function lookThroughExactly(path: string): BigIntStats {
  return statSync(path, { bigint: true });
}

/** A folder held by a descriptor: what is opened in it is in it, whatever becomes of its name. */
export class HeldFolder implements Disposable {
  readonly #fd: number;
  readonly stats: Stats;

  /** A link in its place is not followed. Throws what open(2) gives. */
  constructor(path: string) {
    this.#fd = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    this.stats = fstatSync(this.#fd);
  }

  /** What has the name in it, a link itself where it is one. Throws what open(2) gives. */
  find(name: string): Found {
    const seen = openSync(this.#pathOf(name), O_PATH | constants.O_NOFOLLOW);
    return new Found(seen, fstatSync(seen), []);
  }

  /** A file that was not there. Throws what open(2) gives, EEXIST where it is there. */
  create(name: string, flags: number, mode: number): number {
    const fresh = constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return openSync(this.#pathOf(name), flags | fresh | HARMLESS, mode);
  }

  #pathOf(name: string): string {
    return `/proc/self/fd/${this.#fd}/${name}`;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** The first bytes of a regular file, links followed: how many there are; 0 too where it cannot be read, or is something else. */
export function readHead(path: string, into: Buffer): number {
  let descriptor = -1;
  try {
    using found = hold(path);
    if (!found.stats.isFile()) return 0;
    descriptor = found.open(constants.O_RDONLY);
    return readSync(descriptor, into, 0, into.length, 0);
  } catch {
    return 0;
  } finally {
    if (descriptor !== -1) closeSync(descriptor);
  }
}
