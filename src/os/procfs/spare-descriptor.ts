// Holds one descriptor in reserve for what must always work: to list processes, and so to kill them (edge case 35).

import { closeSync, openSync } from 'node:fs';
import { codeOf } from '../../errors.ts';

/** Opened on something that every process can open. null: no descriptor was left even for that. */
let spare = reserve();

function reserve(): number | null {
  try {
    return openSync('/', 'r');
  } catch {
    return null;
  }
}

/**
 * Runs `act`, which opens at most one descriptor at a time and closes it again. When none is left, the spare one is
 * closed to make room. All this happens in one turn of the event loop, so that only another thread of Node could take
 * the free place.
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

/** Whether opsd has used up its descriptors (EMFILE), or the host all that there are (ENFILE). */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EMFILE' || code === 'ENFILE';
}
