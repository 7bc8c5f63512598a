// The JSON that opsd answers with, made harmless for the terminal: whoever listens on a socket that an operator names may
// be no opsd.

import { RuntimeError } from '../../errors.ts';
import { sanitised } from '../../text/harmless.ts';

/** Throws a RuntimeError for what is no JSON. `from`: the path of the socket. */
export function parseAnswer(text: string, from: string): unknown {
  try {
    return harmless(JSON.parse(text));
  } catch {
    // A RangeError as well: no answer of opsd is nested that deep.
    throw new RuntimeError(`the program that answers on ${from} is not opsd, or has another version`);
  }
}

function harmless(value: unknown): unknown {
  if (typeof value === 'string') return sanitised(value);
  if (Array.isArray(value)) return value.map(harmless);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [sanitised(key), harmless(one)]));
}
