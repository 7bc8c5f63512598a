// Regular expressions that no text keeps busy: V8's own engine for them never goes back in the text it matches.

import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--enable-experimental-regexp-engine');

/** null: it takes an engine that tries again and again (lookarounds, backreferences), which a line could stop the loop with. */
export function linearPattern(source: string): RegExp | null {
  try {
    return new RegExp(source, 'l');
  } catch {
    return null;
  }
}
