// The log file as a service's own output (`log = "direct"`): opened for it, given to its user, refused where it is none.

import { closeSync, constants, fchownSync, fstatSync, type Stats } from 'node:fs';
import { RuntimeError } from '../../errors.ts';
import { codeOf } from '../identity.ts';
import { openLog } from './open-log.ts';
import { remedyFor } from './remedies.ts';

/** O_NONBLOCK does nothing to a regular file; it keeps a FIFO in its place from hanging opsd. */
const FLAGS =
  constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
/** By these a failed start is known to cost the service nothing but time. */
const PASSING: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC']);

/**
 * Given to the service's user. The caller closes it. Throws RuntimeError that says what to do; where the host has no room,
 * what open(2) gives.
 */
export function openDirect(path: string, uid: number): number {
  const fd = open(path);
  try {
    const found = fstatSync(fd);
    const why = whyNot(found, uid);
    if (why !== null) throw refusal(path, why, REMOVE);
    if (found.uid !== uid) fchownSync(fd, uid, -1);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const REMOVE = 'remove it and start the service again';

function open(path: string): number {
  try {
    return openLog(path, FLAGS);
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

function whyNot(found: Stats, uid: number): string | null {
  if (!found.isFile()) return 'it is not a regular file';
  const us = process.geteuid?.() ?? 0;
  if (found.uid === us || found.uid === uid) return null;
  return `it belongs to uid ${found.uid}`;
}

function refusal(path: string, why: string, remedy: string | null): RuntimeError {
  return new RuntimeError(
    `the log ${path} cannot be a service's output: ${why}${remedy === null ? '' : `; ${remedy}`}`,
  );
}
