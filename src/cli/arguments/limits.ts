// The values of `--timeout`, `--since` and `-n`: how long a command waits, and how much it reads.

import type { Millis } from '../../core/model/spec.ts';
import { ConfigError } from '../../errors.ts';
import { parseDuration } from '../../text/units.ts';
import { PATIENCE } from '../client/silence.ts';

const TIMEOUT: Millis = 60_000;
/** A busy opsd may take this long to answer: a shorter --timeout limits the wait for services, not for opsd. */
const LEAST_PATIENCE: Millis = 2_000;

export function timeoutOf(value: string | boolean | undefined): Millis {
  if (typeof value !== 'string') return TIMEOUT;
  const reading = parseDuration(value);
  if (reading.ok) return reading.value;
  throw new ConfigError(`--timeout: expected ${reading.expected}, got '${value}'`);
}

/** How long opsd may give no sign of life before ctl gives up. */
export function patienceOf(timeout: string | boolean): Millis {
  return Math.min(PATIENCE, Math.max(LEAST_PATIENCE, timeoutOf(timeout)));
}

/** null: --since was not given. */
export function sinceOf(value: string | boolean | undefined): Millis | null {
  if (typeof value !== 'string') return null;
  const reading = parseDuration(value);
  if (reading.ok) return reading.value;
  throw new ConfigError(`--since: expected ${reading.expected}, got '${value}'`);
}

export function countOf(value: string | boolean | undefined, otherwise: number, most: number): number {
  if (typeof value !== 'string') return otherwise;
  const count = Number(value);
  if (/^\d+$/.test(value) && count <= most) return count;
  throw new ConfigError(`--lines: expected a number from 0 to ${most}, got '${value}'`);
}
