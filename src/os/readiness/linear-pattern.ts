// Compiles regular expressions that match in linear time: V8's experimental engine never backtracks.

import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--enable-experimental-regexp-engine');

/**
 * null: the pattern needs backtracking (lookarounds, backreferences), with which one line could block the event loop.
 */
export function linearPattern(source: string): RegExp | null {
  try {
    return new RegExp(source, 'l');
  } catch {
    return null;
  }
}
