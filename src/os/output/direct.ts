// The log file as the service's own output (`log = "direct"`): opened for the service, owned by its user, refused if it
// is another kind of file.

import { closeSync, constants, fchmodSync, fchownSync, fstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, RuntimeError } from '../../errors.ts';
import { openLog } from '../log-file/open-log.ts';
import { remedyFor } from '../log-file/remedies.ts';
import { lookAt } from '../trust/foreign-path.ts';

const FLAGS = constants.O_WRONLY | constants.O_APPEND;
/** Permissions that the owner needs: opening /dev/stdout opens the file again (edge case N18). */
const OWNERS = 0o600;
/** Errors that pass: a start that fails with one does not count as a failure of the service. */
const PASSING: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC']);

/**
 * Opens the log and makes the service's user its owner. The caller closes the descriptor. Throws RuntimeError that says
 * what to do; for an error that passes, the error of open(2).
 */
export function openDirect(path: string, uid: number): number {
  const fd = open(path, uid);
  try {
    const found = fstatSync(fd);
    const why = whyNot(found, path, uid);
    if (why !== null) throw refusal(path, why, REMOVE);
    if (found.uid !== uid) fchownSync(fd, uid, -1);
    if ((found.mode & OWNERS) !== OWNERS) fchmodSync(fd, (found.mode & 0o777) | OWNERS);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const REMOVE = 'remove it and start the service again';

function open(path: string, uid: number): number {
  try {
    return openLog(path, FLAGS, uid);
  } catch (error) {
    if (PASSING.has(codeOf(error))) throw error;
    const wrong = WRONG_KINDS[codeOf(error)];
    if (wrong !== undefined) throw refusal(path, wrong, REMOVE);
    const why = error instanceof Error ? error.message : String(error);
    throw refusal(path, why, error instanceof RuntimeError ? null : remedyFor(error));
  }
}

const WRONG_KINDS: Readonly<Record<string, string>> = {
  ELOOP: 'it is a symlink',
  EISDIR: 'it is a folder',
  ENXIO: 'it is a FIFO or a socket',
};

function whyNot(found: Stats, path: string, uid: number): string | null {
  if (!found.isFile()) return 'it is not a regular file';
  const us = process.geteuid?.() ?? 0;
  if (found.uid === us || found.uid === uid || isGivenAway(found, path)) return null;
  return `it belongs to uid ${found.uid}`;
}

/**
 * Container images often run `chown X /dev/stdout`. If only opsd can put files into the folder, this is still the
 * service's file, unless it has a second name and so may be another's, too.
 */
function isGivenAway({ nlink }: Stats, path: string): boolean {
  const folder = lookAt(dirname(path));
  if (!folder?.isDirectory() || folder.uid !== process.geteuid?.()) return false;
  return (folder.mode & 0o022) === 0 && nlink === 1;
}

function refusal(path: string, why: string, remedy: string | null): RuntimeError {
  return new RuntimeError(
    `the log ${path} cannot be a service's output: ${why}${remedy === null ? '' : `; ${remedy}`}`,
  );
}
