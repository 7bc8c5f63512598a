// Reads log_level: a level, or a level and exceptions for components ("info,heartbeat=debug").

import type { LogFilter, LogLevel } from '../../core/model/config.ts';
import { didYouMean } from '../../text/nearest.ts';
import type { Reading } from '../../text/units.ts';

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** The components of opsd whose level can be set apart. */
export const COMPONENTS = ['output', 'processes', 'hooks', 'http', 'heartbeat', 'probes'] as const;

export type Component = (typeof COMPONENTS)[number];

/** A filter with more parts is refused. */
const MOST_PARTS = 50;

export function parseLogLevel(input: unknown): Reading<LogFilter> {
  const expected = 'a level such as "info", or a filter such as "info,heartbeat=debug"';
  if (typeof input !== 'string') return { ok: false, expected };
  const parts = input.split(',');
  if (parts.length > MOST_PARTS) return { ok: false, expected: `a filter of at most ${MOST_PARTS} parts` };
  let all: LogLevel = 'info';
  const components = new Map<string, LogLevel>();
  for (const part of parts) {
    const [, component, word = ''] = /^(?:([^=]*[^=\s][^=]*)=)?([^=]*)$/.exec(part) ?? [];
    const level = LEVELS.find((known) => known === word.trim());
    if (level === undefined) {
      return { ok: false, expected, hint: didYouMean(word.trim(), LEVELS) || `the levels are ${LEVELS.join(', ')}` };
    }
    const name = component?.trim();
    if (name === undefined) all = level;
    else if (COMPONENTS.some((known) => known === name)) components.set(name, level);
    else {
      const guess = didYouMean(name, COMPONENTS) || `opsd has no component "${name}"`;
      return { ok: false, expected, hint: `${guess}; the components are ${COMPONENTS.join(', ')}` };
    }
  }
  return { ok: true, value: { text: input, level: all, components } };
}
