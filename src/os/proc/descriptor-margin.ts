// Keeps the last descriptors of opsd free for itself: for API requests, the state file, and the start of services.

import { closeSync } from 'node:fs';
import { limitOf } from './descriptors.ts';

/**
 * One for each of: the control socket and a client, a file that is replaced, the pipes of mkfifo(1), the descriptors of
 * a new process.
 */
const MARGIN = 8;

/** The soft RLIMIT_NOFILE, read after opsd has raised it. */
let limit: number | null = null;

/**
 * Returns `fd`, or closes it and throws EMFILE when it is one of the last: the kernel always gives the lowest free
 * number.
 */
export function leaveMargin(fd: number): number {
  limit ??= limitOf('self')?.soft ?? null;
  if (limit === null || fd < limit - MARGIN) return fd;
  closeSync(fd);
  const message = `EMFILE: too many open files, the last ${MARGIN} of ${limit} are for opsd itself`;
  throw Object.assign(new Error(message), { code: 'EMFILE' });
}
