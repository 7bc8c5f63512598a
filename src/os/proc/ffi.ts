// node:ffi, through which opsd reaches the few functions of the C library that Node does not offer.

import { codeOf } from '../../errors.ts';

/** null: this Node has none (before 26.6, or built or started without it). Whoever needs it has a way without. */
export function loadForeign(): typeof import('node:ffi') | null {
  // It warns that it is experimental, on stderr, at each start: opsd knows, and has a way without it.
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:ffi') ?? null;
  } catch (error) {
    if (codeOf(error) === '') throw error;
    return null;
  } finally {
    process.emitWarning = emitWarning;
  }
}
