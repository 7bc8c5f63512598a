// Masks secrets in problems and effective values that were made before all secrets were known.

import type { Config } from '../../core/model/config.ts';
import type { EffectiveValue, RolloutGroup, ServiceSpec } from '../../core/model/spec.ts';
import type { Problem } from '../../errors.ts';
import { hideAll, type Masks, type SecretMasks } from '../../text/masks.ts';

export function hideInProblems<P extends Problem>(problems: readonly P[], masks: Masks): readonly P[] {
  return problems.map((problem) => ({ ...problem, message: hideInMessage(problem.message, masks) }));
}

/** `…` marks where a quoted value was cut, perhaps in the middle of a secret. */
export function hideInMessage(message: string, masks: Masks): string {
  const parts = message.split('…');
  const last = parts.pop() ?? '';
  return [...parts.map((part) => masks.hideCut(part)), masks.hide(last)].join('…');
}

/** The configuration with masked effective values; unchanged parts stay the same objects. */
export function hideInConfig(config: Config, masks: SecretMasks): Config {
  if (masks.texts.size === 0) return config;
  const known = new Map<EffectiveValue, EffectiveValue>();
  const hidden = (values: ReadonlyMap<string, EffectiveValue>) => hideInValues(values, masks, known);
  const specOf = (spec: ServiceSpec): ServiceSpec => {
    const effective = hidden(spec.effective);
    return effective === spec.effective ? spec : { ...spec, effective };
  };
  const groupOf = (group: RolloutGroup): RolloutGroup => ({ ...group, surgeSpecs: group.surgeSpecs.map(specOf) });
  return {
    ...config,
    services: new Map([...config.services].map(([name, spec]) => [name, specOf(spec)])),
    rollouts: new Map([...config.rollouts].map(([name, group]) => [name, groupOf(group)])),
    effective: hidden(config.effective),
  };
}

function hideInValues(
  values: ReadonlyMap<string, EffectiveValue>,
  masks: Masks,
  known: Map<EffectiveValue, EffectiveValue>,
): ReadonlyMap<string, EffectiveValue> {
  let changed: Map<string, EffectiveValue> | null = null;
  for (const [key, value] of values) {
    const hidden = known.get(value) ?? hideInValue(value, masks);
    known.set(value, hidden);
    if (hidden === value) continue;
    changed ??= new Map(values);
    changed.set(key, hidden);
  }
  return changed ?? values;
}

function hideInValue(value: EffectiveValue, masks: Masks): EffectiveValue {
  if (!masks.finds(value.value)) return value;
  const shown = JSON.stringify(hideAll(JSON.parse(value.value), masks));
  if (shown === value.value) return value;
  return { ...value, value: shown, secret: true, whole: value.whole ?? (() => value.value) };
}
