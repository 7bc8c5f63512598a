// Opens the log of a service, or makes it. In a folder that a group may write to, only a file of opsd or of the
// service's user is accepted.

import { constants, type Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { codeOf, RuntimeError } from '../../errors.ts';
import { prepareLogFolder } from '../files/run-dir.ts';
import { isLoose, isShared } from '../trust/folders.ts';
import { type FoundPath, HeldFolder } from '../trust/foreign-path.ts';

/** 0640: the folder may belong to a group of log readers. */
const MODE = 0o640;
/** Another process may make and remove the file meanwhile, but not for ever. */
const MOST_TRIES = 5;

/**
 * Opens the log for writing. `uid`: the service's user. An existing file is opened without O_CREAT, which the kernel
 * refuses for another user's file in a sticky folder (fs.protected_regular of proc(5)). Throws the error of open(2), or
 * RuntimeError if the folder cannot be made or the file is not the service's log.
 */
export function openLog(path: string, flags: number, uid: number): number {
  using folder = holdOrMake(dirname(path));
  checkFolder(dirname(path), folder.stats);
  for (let tries = 1; ; tries++) {
    try {
      using found = folder.find(basename(path));
      return openFound(path, found, folder.stats, flags, uid);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || tries >= MOST_TRIES) throw error;
    }
    try {
      return folder.create(basename(path), flags, MODE);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

/** Finds the log for reading; null: there is none. Throws RuntimeError if it is not the log of a service. */
export function findLog(path: string, uid: number): FoundPath | null {
  let found: FoundPath | null = null;
  try {
    using folder = new HeldFolder(dirname(path));
    checkFolder(dirname(path), folder.stats);
    found = folder.find(basename(path));
    checkFound(path, found.stats, folder.stats, uid);
    if (!found.stats.isFile()) throw refusal(path, 'it is not a regular file');
    return found;
  } catch (error) {
    found?.[Symbol.dispose]();
    if (codeOf(error) === 'ENOENT') return null;
    throw codeOf(error) === 'ELOOP' ? refusal(path, 'it is a symlink') : error;
  }
}

function holdOrMake(path: string): HeldFolder {
  try {
    return new HeldFolder(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
  }
  // Makes the folder, or throws what is in its place.
  prepareLogFolder(path);
  return new HeldFolder(path);
}

/** Checks the folder as at the start: its mode may have changed since. */
function checkFolder(path: string, stats: Stats): void {
  const us = process.geteuid?.() ?? 0;
  if (stats.uid !== us && stats.uid !== 0) {
    throw new RuntimeError(
      `${path} belongs to uid ${stats.uid}, who could put a file in the place of another: chown ${us} ${path}`,
    );
  }
  if (!isLoose(stats)) return;
  throw new RuntimeError(
    `who may write to ${path} could put a file in the place of another: chmod +t ${path}, or chmod go-w ${path}`,
  );
}

function openFound(path: string, found: FoundPath, folder: Stats, flags: number, uid: number): number {
  checkFound(path, found.stats, folder, uid);
  return found.open(flags);
}

/** Users who can make files in a sticky folder can also make links, FIFOs, and hard links to files of others there. */
function checkFound(path: string, { uid: owner, nlink, ...stats }: Stats, folder: Stats, uid: number): void {
  if ((stats.mode & constants.S_IFMT) === constants.S_IFLNK) {
    throw Object.assign(new Error(`ELOOP: it is a symlink, open '${path}'`), { code: 'ELOOP' });
  }
  if (!isShared(folder)) return;
  const us = process.geteuid?.() ?? 0;
  if (owner !== us && owner !== uid)
    throw refusal(path, `it belongs to uid ${owner}, neither to opsd nor to the service`);
  const isDirectory = (stats.mode & constants.S_IFMT) === constants.S_IFDIR;
  if (nlink > 1 && !isDirectory) throw refusal(path, 'the file has a second name somewhere (a hard link)');
}

function refusal(path: string, why: string): RuntimeError {
  return new RuntimeError(`${path} is not taken for the log of a service: ${why}; remove it`);
}
