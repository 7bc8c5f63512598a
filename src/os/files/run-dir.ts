// The directories of opsd: made if they are missing, refused if another user could tamper with them.

import { accessSync, chmodSync, constants, realpathSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf, RuntimeError } from '../../errors.ts';
import { doubtAbove, isLoose } from '../trust/folders.ts';
import { lookAt, lookThrough } from '../trust/foreign-path.ts';
import { makeFolders } from './make-folders.ts';
import { touch } from './touch.ts';

/** The directories and files of opsd; absolute paths. */
export interface Layout {
  readonly prefix: string;
  readonly run: string;
  readonly key: string;
  readonly data: string;
  readonly log: string;
  readonly fifo: string;
  readonly socket: string;
}

/**
 * `prefix`: ${PREFIX}; `log`: the effective `daemon.log_dir`. Both absolute.
 */
export function layoutOf(prefix: string, log: string): Layout {
  const run = join(prefix, 'run');
  return {
    prefix,
    run,
    key: join(prefix, 'key'),
    data: join(prefix, 'data/opsd'),
    log,
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
}

/** Makes the folder of opsd's own heartbeat file, and the file. Why that is not possible, and what to do; null: it is. */
export function beginHeartbeat(file: string, now: Date): string | null {
  const remedy = 'daemon.heartbeat_file says where ("" for none)';
  try {
    if (lookAt(dirname(file)) === null) makeFolders(dirname(file), 0o755);
    prepare(dirname(file), 0o755, 0o002);
    touch(file, now);
    return null;
  } catch (error) {
    const why = error instanceof RuntimeError ? error.message : `${file} cannot be written (${codeOf(error)})`;
    return `${why}; ${remedy}`;
  }
}

/** What can be said of it before; null: nothing. */
export function doubtOnHeartbeat(file: string): string | null {
  const folder = dirname(file);
  const doubt = doubtOnFolder(folder);
  if (doubt !== null) return doubt;
  for (let there = folder; ; there = dirname(there)) {
    const why = whyNotWritable(there);
    if (why === 'ENOENT' && there !== '/') continue;
    return why === null ? null : `${there} cannot be written (${why})`;
  }
}

function whyNotWritable(path: string): string | null {
  try {
    accessSync(path, constants.W_OK);
    return null;
  } catch (error) {
    return codeOf(error);
  }
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

/** The folder that a link at `path` leads to, if no other user could lead it elsewhere. Throws RuntimeError. */
export function withoutLink(path: string): string {
  if (!isLink(path)) return path;
  const doubt = doubtOnFolder(path);
  if (doubt !== null) throw new RuntimeError(doubt);
  return realpathSync(path);
}

function isLink(path: string): boolean {
  try {
    return lookAt(path)?.isSymbolicLink() === true;
  } catch {
    return false;
  }
}

/** What `opsd check` can say before of a folder that opsd writes to; null: nothing, or it is not there yet. */
export function doubtOnFolder(path: string): string | null {
  const found = lookThroughOrNull(path);
  if (found === null && isLink(path)) {
    return `${path} is a symbolic link that leads nowhere: make the folder it leads to (readlink ${path}), or remove the link`;
  }
  const us = process.geteuid?.() ?? 0;
  if (found?.isDirectory() && found.uid !== us) return foreign(path, found);
  if (found !== null && (found.mode & 0o002) !== 0) return `${path} ${openness(found)}: ${closed(path, found, 0o002)}`;
  return (found && looseness(path, found)) ?? doubtAbove(path, `who could put another folder in the place of ${path}`);
}

function foreign(path: string, { uid }: Stats): string {
  const us = process.geteuid?.() ?? 0;
  return `${path} belongs to uid ${uid}, and opsd runs as uid ${us}: chown ${us} ${path}`;
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
  if (found.uid !== us) throw new RuntimeError(foreign(path, found));
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
