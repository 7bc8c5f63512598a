// How much opsd logs: a level, or a level and exceptions for parts of it ("info,heartbeat=debug").

import { didYouMean } from '../core/nearest.ts';
import type { Reading } from './units.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** A filter with more parts is a mistake. */
const MOST_PARTS = 50;

export function parseLogLevel(input: unknown): Reading<string> {
  const expected = 'a level such as "info", or a filter such as "info,heartbeat=debug"';
  if (typeof input !== 'string') return { ok: false, expected };
  const parts = input.split(',');
  if (parts.length > MOST_PARTS) return { ok: false, expected: `a filter of at most ${MOST_PARTS} parts` };
  for (const part of parts) {
    const [, level = ''] = /^(?:[^=]*[^=\s][^=]*=)?([^=]*)$/.exec(part) ?? [];
    if (LEVELS.includes(level.trim())) continue;
    const hint = didYouMean(level.trim(), LEVELS) || `the levels are ${LEVELS.join(', ')}`;
    return { ok: false, expected, hint };
  }
  return { ok: true, value: input };
}
