// Effects and changes of a service in words, for the books beside this file.

import type { Effect } from '../../src/core/model/effects.ts';

export function tell(effect: Effect): readonly string[] {
  if (effect.type === 'settings') return [];
  if (effect.type === 'transition') return [`${effect.from} → ${effect.to} (${effect.reason}: ${effect.detail})`];
  if (effect.type === 'answer')
    return [`answer: ${effect.outcome.ok ? 'ok' : effect.outcome.code}: ${effect.outcome.message}`];
  const told = Object.values(effect).filter((value) => typeof value !== 'object');
  return [told.join(' ')];
}

/** Paths to values; of a spec its command. */
export function flat(value: unknown, path: string, now: number): readonly (readonly [path: string, value: string])[] {
  if (typeof value === 'number')
    return [[path, value > now / 2 ? `now ${Math.round(value - now)}` : String(Math.round(value * 100) / 100)]];
  if (typeof value !== 'object' || value === null) return [[path, String(value)]];
  if ('launch' in value) return [[path, JSON.stringify(Object(value.launch).command)]];
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, path === '' ? key : `${path}.${key}`, now));
}
