// The directories of opsd: made if they are missing, refused if another user could tamper with them.

import { chmodSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { codeOf, RuntimeError } from '../../errors.ts';
import { doubtAbove, isLoose } from '../trust/folders.ts';
import { lookAt, lookThrough } from '../trust/foreign-path.ts';
import { makeFolders } from './make-folders.ts';

/** The directories and files of opsd; absolute paths. */
export interface Layout {
  readonly prefix: string;
  readonly run: string;
  readonly key: string;
  readonly data: string;
  readonly log: string;
  /** `./tmp`: for opsd's own heartbeat file. */
  readonly tmp: string;
  readonly fifo: string;
  readonly socket: string;
}

/**
 * `prefix`: ${PREFIX}; `log`: the effective `daemon.log_dir`; `workDir`: the working directory of opsd. All absolute.
 */
export function layoutOf(prefix: string, log: string, workDir: string): Layout {
  const run = join(prefix, 'run');
  return {
    prefix,
    run,
    key: join(prefix, 'key'),
    data: join(prefix, 'data/opsd'),
    log,
    tmp: join(workDir, 'tmp'),
    fifo: join(run, 'fifo'),
    socket: join(run, 'opsd.sock'),
  };
}

/** Makes missing directories and checks the others. Throws RuntimeError with one line that says what to do. */
export function prepareDirectories(layout: Layout): void {
  checkPrefix(layout.prefix);
  // The contents of these decide what opsd does: no other user may write there.
  prepare(layout.run, 0o755, 0o022);
  prepare(layout.fifo, 0o700, 0o077);
  prepare(layout.key, 0o700, 0o022);
  prepare(layout.data, 0o750, 0o022);
  prepareLogFolder(layout.log);
  prepare(layout.tmp, 0o755, 0o002);
}

/**
 * A user who may write to PREFIX or above it can replace `run`, unless the folder is sticky. PREFIX may be a link, and
 * belong to root.
 */
function checkPrefix(prefix: string): void {
  const doubt = doubtOnPrefix(prefix);
  if (doubt !== null) throw new RuntimeError(`PREFIX ${prefix} ${doubt}`);
}

/** Why PREFIX cannot be used, and what to do; null: it is fine, or does not exist yet. */
export function doubtOnPrefix(prefix: string): string | null {
  const danger = 'others than opsd could put another run/ into it';
  const found = lookThroughOrNull(prefix);
  const us = process.geteuid?.() ?? 0;
  if (found !== null && found.uid !== us && found.uid !== 0) {
    return `belongs to uid ${found.uid}, and opsd runs as uid ${us}: ${danger}; chown ${us} ${prefix}`;
  }
  if (found !== null && isLoose(found)) return `has mode ${octal(found.mode)}: ${danger}; chmod go-w ${prefix}`;
  const doubt = doubtAbove(join(prefix, 'run'), `and ${danger}`);
  return doubt === null ? null : `is not safe: ${doubt}`;
}

/** null: nothing is there yet, or it cannot be read, which is reported when a folder is made in it. */
function lookThroughOrNull(path: string): Stats | null {
  try {
    return lookThrough(path);
  } catch {
    return null;
  }
}

/** The twelve low bits of st_mode, such as 1777. */
function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

/**
 * Makes and checks the log folder: at the start, and again when it was removed. Throws as `prepareDirectories` does.
 */
export function prepareLogFolder(path: string): void {
  // A group of users who read and rotate logs is common; writable by all is not.
  prepare(path, 0o755, 0o002);
}

/** What `opsd check` can say before of the log folder, and of `./tmp`; null: nothing, or it is not there yet. */
export function doubtOnFolder(path: string): string | null {
  const found = lookThroughOrNull(path);
  if (found !== null && (found.mode & 0o002) !== 0) return `${path} ${openness(found)}: ${closed(path, found, 0o002)}`;
  return (found && looseness(path, found)) ?? doubtAbove(path, `who could put another folder in the place of ${path}`);
}

function looseness(path: string, found: Stats): string | null {
  if (!isLoose(found)) return null;
  const why = 'who is in its group could put a file in the place of another';
  return `${path} has mode ${octal(found.mode)}, ${why}: chmod +t ${path}, or chmod g-w ${path}`;
}

function openness({ mode }: Stats): string {
  return `has mode ${octal(mode)}, others than opsd can use it`;
}

function closed(path: string, { mode }: Stats, forbidden: number): string {
  return `chmod ${octal(mode & 0o777 & ~forbidden)} ${path}`;
}

/** `forbidden`: permission bits that the folder must not have. A folder that its group may write to must be sticky. */
function prepare(path: string, mode: number, forbidden: number): void {
  const found = lookOrMake(path, mode);
  const refuse = (why: string, remedy: string): never => {
    throw new RuntimeError(`${path} ${why}: ${remedy}`);
  };
  if (found.isSymbolicLink()) refuse('is a symlink', 'put a directory in its place, or set PREFIX to where it points');
  if (!found.isDirectory()) refuse('is not a directory', 'remove it');
  const us = process.geteuid?.() ?? 0;
  if (found.uid !== us) refuse(`belongs to uid ${found.uid}, and opsd runs as uid ${us}`, `chown ${us} ${path}`);
  if ((found.mode & forbidden) !== 0) {
    refuse(openness(found), closed(path, found, forbidden));
  }
  const loose = looseness(path, found);
  if (loose !== null) throw new RuntimeError(loose);
  const doubt = doubtAbove(path, `who could put another folder in the place of ${path}`);
  if (doubt !== null) throw new RuntimeError(doubt);
}

function lookOrMake(path: string, mode: number): Stats {
  try {
    const found = lookAt(path);
    if (found !== null) return found;
    makeFolders(path, mode);
    chmodSync(path, mode);
    return lookAt(path) ?? lookOrMake(path, mode);
  } catch (error) {
    const isDenied = codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM';
    const remedy = isDenied
      ? 'run opsd as root, or set PREFIX to a directory of yours'
      : 'set PREFIX (or daemon.log_dir) to a place where directories can be made';
    throw new RuntimeError(`cannot make the directory ${path} (${codeOf(error) || String(error)}): ${remedy}`);
  }
}
