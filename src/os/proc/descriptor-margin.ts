// The last descriptors are not for outputs: opsd needs some to be asked, to write down what it knows, to start services.

import { closeSync } from 'node:fs';
import { limitOf } from './descriptors.ts';

/** The control socket and who asks there, a file that is replaced, the pipes of mkfifo(1), what a new process gets. */
const MARGIN = 8;

/** Of an opsd that has raised it already. */
let limit: number | null = null;

/** Gives `fd` back, or closes it and throws EMFILE where it is one of the last: the kernel gives the lowest that is free. */
export function leaveMargin(fd: number): number {
  limit ??= limitOf('self')?.soft ?? null;
  if (limit === null || fd < limit - MARGIN) return fd;
  closeSync(fd);
  const message = `EMFILE: too many open files, the last ${MARGIN} of ${limit} are for opsd itself`;
  throw Object.assign(new Error(message), { code: 'EMFILE' });
}
