// A file replaced as a whole: a reader sees the old one or the new one, never a part, never nothing.

import { closeSync, constants, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../../errors.ts';

const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Writes beside `path`, then renames over it: a symlink there is replaced, not followed. Nothing is fsynced: these files
 * speak of processes, none of which outlives the power. Throws what open(2), write(2) and rename(2) give. `keep`: the
 * name the old file gets.
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

/** Names that begin with a dot belong to no service. */
const freshPath = (path: string): string => join(dirname(path), `.${basename(path)}.new`);

function createNew(path: string, mode: number): number {
  try {
    return openSync(path, FLAGS, mode);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  // Left by an opsd that was killed in the middle, or planted: O_EXCL did not follow it, unlink does not either.
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
