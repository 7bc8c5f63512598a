// Opens and stats paths that another user may have prepared: never blocks, never acquires a controlling terminal,
// follows no link of an untrusted user.

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
import { stat } from 'node:fs/promises';
import { type Acl, aclOf } from './acl.ts';

/**
 * O_PATH (open(2)) never blocks, has no effect on the file and needs no permission for it; Node has no name for it.
 */
const O_PATH = 0o10000000;
/** Node adds O_CLOEXEC. */
const HARMLESS = constants.O_NONBLOCK | constants.O_NOCTTY;
/** The kernel's own limit of links (path_resolution(7)). */
const MOST_LINKS = 40;
/** More than any path within PATH_MAX has: bounds a path that grows by links. */
const MOST_STEPS = 4096;
/** f_type of procfs in statfs(2). */
const PROC_SUPER_MAGIC = 0x9fa0;

/** A folder or link on the way to a file. */
export interface PathStep {
  readonly path: string;
  readonly stats: Stats;
  /** null: it has none, or it does not matter. */
  readonly acl: Acl | null;
}

/** A user who is not trusted can decide what this path leads to. `message` names the user and the remedy. */
export class DistrustedPath extends Error {}

/** User ids whose links are followed; null: all, as opsd has no privilege there that the asker has not. */
type Trusted = ReadonlySet<number> | null;

/** The file at the end of a path, held by a descriptor: later changes of the path have no effect on it. */
export class FoundPath implements Disposable {
  /** An O_PATH descriptor: the file itself is not open yet. */
  readonly seen: number;
  readonly stats: Stats;
  /** From / on, without the file itself. */
  readonly way: readonly PathStep[];

  constructor(seen: number, stats: Stats, way: readonly PathStep[]) {
    this.seen = seen;
    this.stats = stats;
    this.way = way;
  }

  /**
   * Opens the file itself. Only for a regular file: opening a device or FIFO has effects. The caller closes the
   * descriptor. Throws the error of open(2).
   */
  open(flags: number): number {
    return openSync(`/proc/self/fd/${this.seen}`, flags | HARMLESS);
  }

  [Symbol.dispose](): void {
    closeSync(this.seen);
  }
}

/**
 * Walks an absolute path from / on, one name at a time and each from the descriptor of the folder before it, so that
 * nothing can be swapped meanwhile. Links are followed only if every link and folder on the whole way belongs to a user
 * in `trusted`, and never those of /proc, which lead into other processes. Throws DistrustedPath or the error of
 * open(2).
 */
export function find(path: string, trusted: Trusted): FoundPath {
  const walk = new Walk(trusted);
  try {
    return walk.to(path);
  } catch (error) {
    walk.abandon();
    throw error;
  }
}

/**
 * Opens the path with the kernel's own walk, which follows every link: for paths where opsd has no privilege that the
 * asker has not. Throws the error of open(2).
 */
export function hold(path: string): FoundPath {
  const seen = openSync(path, O_PATH);
  return new FoundPath(seen, fstatSync(seen), []);
}

class Walk {
  readonly #trusted: Trusted;
  readonly #way: PathStep[] = [];
  #folder: number;
  /** The names of the path to `#folder`. */
  #names: string[] = [];
  #links = 0;
  /** The first step on the way that belongs to an untrusted user. */
  #stranger: PathStep | null = null;

  constructor(trusted: Trusted) {
    this.#trusted = trusted;
    this.#folder = openSync('/', O_PATH | constants.O_DIRECTORY);
  }

  to(path: string): FoundPath {
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

  #arrive(): FoundPath {
    const stats = fstatSync(this.#folder);
    const way = stats.isDirectory() ? this.#way.slice(0, -1) : this.#way;
    return new FoundPath(this.#folder, stats, way);
  }

  #path(): string {
    return `/${this.#names.join('/')}`;
  }

  #enter(stats: Stats): void {
    this.#pass({ path: this.#path(), stats, acl: this.#trusted === null ? null : aclOf(this.#folder) });
  }

  #pass(step: PathStep): void {
    this.#way.push(step);
    if (this.#trusted !== null && !this.#trusted.has(step.stats.uid)) this.#stranger ??= step;
    if (this.#stranger !== null && this.#links > 0) throw this.#distrust(this.#stranger);
  }

  #distrust({ path, stats }: Omit<PathStep, 'acl'>): DistrustedPath {
    const what = stats.isSymbolicLink() ? 'is a symbolic link that' : 'is on a way with symbolic links, and';
    const remedy = stats.isSymbolicLink()
      ? 'put the file itself there'
      : `write the path without them, or chown ${path}`;
    return new DistrustedPath(`${path} ${what} belongs to user ${stats.uid}, who could lead opsd anywhere; ${remedy}`);
  }

  /** Reads a link; returns the names of its target. */
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

/** lstat(2) of a path; null: nothing has this name. Throws the error of lstat(2). */
export function lookAt(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}

/**
 * stat(2) of a path, links followed: for messages to operators, not for decisions of opsd. null: nothing is there.
 * Throws the error of stat(2).
 */
export function lookThrough(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}

/** stat(2) with times in nanoseconds; throws also when nothing is there. */
export function lookThroughExactly(path: string): BigIntStats {
  return statSync(path, { bigint: true });
}

/** The same in a thread of Node's pool: a disk that does not answer holds the thread, not the loop. */
export function lookThroughInBackground(path: string): Promise<BigIntStats> {
  return stat(path, { bigint: true });
}

/** A folder held by a descriptor: files opened in it are in this folder, even if its name changes. */
export class HeldFolder implements Disposable {
  readonly #fd: number;
  readonly stats: Stats;

  /** Does not follow a link at `path`. Throws the error of open(2). */
  constructor(path: string) {
    this.#fd = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    this.stats = fstatSync(this.#fd);
  }

  /** The entry of this name in the folder; a link is not followed. Throws the error of open(2). */
  find(name: string): FoundPath {
    const seen = openSync(this.#pathOf(name), O_PATH | constants.O_NOFOLLOW);
    return new FoundPath(seen, fstatSync(seen), []);
  }

  /** Creates a new file in the folder. Throws the error of open(2), EEXIST if the name is taken. */
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

/**
 * Reads the first bytes of a regular file, links followed. Returns their number; 0 also if it cannot be read or is no
 * regular file.
 */
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
