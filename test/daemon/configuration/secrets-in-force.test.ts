// Secrets that were rotated: hidden as long as something runs that was told them, and not for ever.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SecretsInForce } from '../../../src/daemon/configuration/secrets-in-force.ts';
import { SecretMasks } from '../../../src/text/masks.ts';

const masksOf = (...texts: string[]) => new SecretMasks(new Set(texts));
const up = (generation: number) => new Map([['web', generation]]);

test('what replaces a configuration brings its secrets, and leaves those that a process still knows', () => {
  let now = 0;
  const secrets = new SecretsInForce(masksOf('hunter2-1', 'hunter2-always'), { now: () => now });
  const hidden = () => [1, 2, 3].filter((number) => secrets.finds(`x hunter2-${number}`));
  secrets.replace(masksOf('hunter2-2', 'hunter2-always'), up(1));
  assert.deepEqual(hidden(), [1, 2]);
  now += 3_600_000;
  secrets.replace(masksOf('hunter2-3', 'hunter2-always'), up(1));
  assert.deepEqual(hidden(), [1, 2, 3], 'the generation that was told the first still runs');
  now += 3_600_000;
  secrets.replace(masksOf('hunter2-3', 'hunter2-always'), up(2));
  assert.deepEqual(hidden(), [3], 'another one runs, and whatever else knew it has ended');
});

test('however often they are rotated, what is kept has a limit', () => {
  const many = (from: number) => masksOf(...Array.from({ length: 3_000 }, (_, place) => `secret-${from}-${place}`));
  const secrets = new SecretsInForce(many(0), { now: () => 0 });
  for (let round = 1; round <= 6; round += 1) secrets.replace(many(round), up(1));
  assert.equal(secrets.finds('secret-6-1'), true);
  assert.equal(secrets.finds('secret-5-1'), true);
  assert.equal(secrets.finds('secret-1-1'), false);
});
