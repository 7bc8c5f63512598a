// Loads node:ffi, through which opsd calls the few functions of the C library that Node does not offer.

import { codeOf } from '../../errors.ts';

/** null: this Node has no node:ffi (before 26.6, or built or started without it). Each caller has a way without it. */
export function loadForeign(): typeof import('node:ffi') | null {
  // Node prints a warning at each start that node:ffi is experimental; opsd has a way without it, so the warning is
  // dropped.
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
