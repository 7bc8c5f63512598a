// Timers: longer than the clock of JavaScript can hold, set again, and given up.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { waitFor } from '../support/wait.ts';

test('a wait of a month does not end at once, and warns of nothing (edge case 44)', async () => {
  const warnings: string[] = [];
  const warned = ({ name }: Error) => warnings.push(name);
  process.on('warning', warned);
  const rung: string[] = [];
  using month = systemClock.alarm(() => rung.push('month'));
  using forever = systemClock.alarm(() => rung.push('forever'));
  using soon = systemClock.alarm(() => rung.push('soon'));
  month.set(30 * 86_400_000);
  forever.set(Number.POSITIVE_INFINITY);
  soon.set(20);
  await waitFor('the short one', () => rung.length > 0);
  // A warning is told a turn of the loop later.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', warned);
  assert.deepEqual([rung, warnings], [['soon'], []]);
});

test('an alarm that is set again rings once, at the later time; one that is given up never', async () => {
  const rung: string[] = [];
  using again = systemClock.alarm(() => rung.push('again'));
  const never = systemClock.alarm(() => rung.push('never'));
  again.set(1);
  again.set(60);
  never.set(1);
  never[Symbol.dispose]();
  using between = systemClock.alarm(() => rung.push('between'));
  between.set(20);
  await waitFor('two', () => rung.length === 2);
  assert.deepEqual(rung, ['between', 'again']);
});
