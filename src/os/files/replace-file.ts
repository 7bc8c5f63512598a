// Replaces a file as a whole: a reader sees the old or the new file, never a part, never none.

import { closeSync, constants, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../../errors.ts';

const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Writes a new file beside `path` and renames it: a symlink at `path` is replaced, not followed. Without fsync(2):
 * these files describe processes, none of which survives a power failure. Throws the error of open(2), write(2) or
 * rename(2). `keep`: the new name of the old file; null: none.
 */
export function replaceFile(path: string, text: string, mode: number, keep: string | null = null): void {
  const fresh = freshPath(path);
  const fd = createNew(fresh, mode);
  try {
    writeFileSync(fd, text);
  } catch (error) {
    unlinkSync(fresh);
    throw error;
  } finally {
    closeSync(fd);
  }
  if (keep !== null) renameIfThere(path, keep);
  renameSync(fresh, path);
}

/** No service has a name that begins with a dot. */
const freshPath = (path: string): string => join(dirname(path), `.${basename(path)}.new`);

function createNew(path: string, mode: number): number {
  try {
    return openSync(path, FLAGS, mode);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  // The file was left by an opsd that was killed in the middle, or planted: neither O_EXCL nor unlink(2) follows a
  // link.
  unlinkSync(path);
  return openSync(path, FLAGS, mode);
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
