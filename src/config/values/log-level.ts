// Reads log_level: a level, or a level and exceptions for components ("info,heartbeat=debug").

import { didYouMean } from '../../text/nearest.ts';
import type { Reading } from '../../text/units.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** The components of opsd whose level can be set apart. */
export const COMPONENTS = ['output', 'processes', 'hooks', 'http', 'heartbeat', 'probes'] as const;

export type Component = (typeof COMPONENTS)[number];

/** A filter with more parts is refused. */
const MOST_PARTS = 50;

export function parseLogLevel(input: unknown): Reading<string> {
  const expected = 'a level such as "info", or a filter such as "info,heartbeat=debug"';
  if (typeof input !== 'string') return { ok: false, expected };
  const parts = input.split(',');
  if (parts.length > MOST_PARTS) return { ok: false, expected: `a filter of at most ${MOST_PARTS} parts` };
  for (const part of parts) {
    const [, component, level = ''] = /^(?:([^=]*[^=\s][^=]*)=)?([^=]*)$/.exec(part) ?? [];
    if (!LEVELS.includes(level.trim())) {
      return { ok: false, expected, hint: didYouMean(level.trim(), LEVELS) || `the levels are ${LEVELS.join(', ')}` };
    }
    const name = component?.trim();
    if (name === undefined || COMPONENTS.some((known) => known === name)) continue;
    const guess = didYouMean(name, COMPONENTS) || `opsd has no component "${name}"`;
    return { ok: false, expected, hint: `${guess}; the components are ${COMPONENTS.join(', ')}` };
  }
  return { ok: true, value: input };
}
