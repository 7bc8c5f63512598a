// When the heartbeat file is checked: at the latest when the heartbeat would be lost, and never in a hurry.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scheduleCheck } from '../../src/core/life/heartbeat.ts';
import { configOf } from '../config/loading.ts';

const spec = configOf('[services.web]\ncommand = ["true"]\nheartbeat = "20s"\n').services.get('web');

test('a check is due when the heartbeat would be lost; one that nobody answers then is repeated at the usual pace', () => {
  assert.ok(spec);
  const { policy } = spec;
  const beat = { at: 0, lostAt: 21_000, lookAt: null };
  assert.equal(scheduleCheck(beat, policy, 20_000).lookAt, 21_000);
  const { lookAt } = scheduleCheck(beat, policy, 21_000);
  assert.ok(lookAt !== null && lookAt > 25_000 && lookAt <= 26_000, `${lookAt}`);
});
