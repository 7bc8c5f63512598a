// A descriptor held back for the one thing that must always work: to see processes, and so to end them (edge case 35).

import { closeSync, openSync } from 'node:fs';
import { codeOf } from '../../errors.ts';

/** Of something that every process can open. null: not even one was to be had. */
let spare = reserve();

function reserve(): number | null {
  try {
    return openSync('/', 'r');
  } catch {
    return null;
  }
}

/**
 * `act` opens at most one descriptor at a time and closes it again. Where there is none left, it gets the place of the
 * spare one; all in one turn of the loop, so that only another thread of Node could snatch it away.
 */
export function withSpare<Result>(act: () => Result): Result {
  spare ??= reserve();
  try {
    return act();
  } catch (error) {
    if (spare === null || !isOutOfDescriptors(error)) throw error;
  }
  closeSync(spare);
  spare = null;
  try {
    return act();
  } finally {
    spare = reserve();
  }
}

/** Has opsd used up its descriptors, or the host all that there are? */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EMFILE' || code === 'ENFILE';
}
