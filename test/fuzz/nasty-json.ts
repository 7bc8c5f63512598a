// Values of JSON with something wrong in them, at any depth.

import type { Chance } from '../chaos/chance.ts';
import { mutateText, nasty } from './mutations.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const NUMBERS = [0, -1, 1, 2, 0.5, 1e300, -1e300, 8.64e15, 8.7e15, 1e21, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 4_294_967_295];

/** The text of such a value: parts of it are replaced, doubled, or left out; now and then it is no JSON any more. */
export function nastyJson(chance: Chance, good: Json): string {
  const text = JSON.stringify(spoil(chance, good, chance.pick([0, 0.02, 0.1, 0.3]) ?? 0));
  // What JSON.stringify never writes: an infinite number, a key twice.
  const odd = chance.is(0.05) ? text.replace(/:\d+/, ':1e999') : text;
  return chance.is(0.2) ? mutateText(chance, odd) : odd;
}

function spoil(chance: Chance, value: Json, share: number): Json {
  if (chance.is(share)) return wrong(chance, value);
  if (Array.isArray(value)) return value.flatMap((one) => (chance.is(share / 4) ? [] : [spoil(chance, one, share)]));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(() => !chance.is(share / 4));
  const spoilt = entries.map(([key, one]) => [chance.is(share / 8) ? nasty(chance) : key, spoil(chance, one, share)]);
  return Object.fromEntries(spoilt);
}

function wrong(chance: Chance, value: Json): Json {
  // Most often of the right kind: what is not is refused by the first look at it.
  if (typeof value === 'number' && chance.is(0.7)) return chance.pick(NUMBERS) ?? 0;
  if (typeof value === 'string' && chance.is(0.5)) return mutateText(chance, value);
  return chance.weighted<() => Json>([
    [3, () => chance.pick([null, true, false, '', [], {}]) ?? null],
    [3, () => chance.pick(NUMBERS) ?? 0],
    [3, () => nasty(chance)],
    [1, () => nasty(chance).repeat(chance.between(1, 5_000))],
    [1, () => [value, value]],
    [1, () => ({ [nasty(chance)]: value })],
  ])();
}
