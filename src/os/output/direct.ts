// The log file as a service's own output (`log = "direct"`): opened for it, given to its user, refused where it is none.

import { closeSync, constants, fchmodSync, fchownSync, fstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, RuntimeError } from '../../errors.ts';
import { openLog } from '../log-file/open-log.ts';
import { remedyFor } from '../log-file/remedies.ts';
import { lookAt } from '../trust/foreign-path.ts';

const FLAGS = constants.O_WRONLY | constants.O_APPEND;
/** What the owner of the log needs: opening /dev/stdout opens it again (edge case N18). */
const OWNERS = 0o600;
/** By these a failed start is known to cost the service nothing but time. */
const PASSING: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC']);

/**
 * Given to the service's user. The caller closes it. Throws RuntimeError that says what to do; where the host has no room,
 * what open(2) gives.
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
 * `chown X /dev/stdout` is a custom of container images. Where nobody but opsd can put anything into the folder, the file
 * is the one that the service had; a second name would mean that it may be another's as well.
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
