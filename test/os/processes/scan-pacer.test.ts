// How soon opsd looks at the processes again: after as much rest as the look was work, not as long as it took.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScanPacer } from '../../../src/os/processes/scan-pacer.ts';
import { Scheduler } from '../../simulation/scheduler.ts';

/** When the looks of the first second began, if one follows the other as soon as it may. */
async function beginnings(look: (scheduler: Scheduler) => void): Promise<readonly number[]> {
  const scheduler = new Scheduler();
  const begun: number[] = [];
  using looks = new ScanPacer(
    function* (now) {
      yield;
      begun.push(now);
      look(scheduler);
    },
    (now) => now,
    scheduler.clock,
  );
  looks.request();
  await scheduler.pass(1_000);
  return begun;
}

test('a look in the middle of which opsd was stopped is followed by the next one at once', async () => {
  const begun = await beginnings((scheduler) => {
    scheduler.now += 500;
  });
  assert.deepEqual(begun, [0, 500, 1_000]);
});

test('a look that was work is followed by four times as much rest', async () => {
  const begun = await beginnings((scheduler) => scheduler.work(40));
  assert.deepEqual(begun, [0, 200, 400, 600, 800, 1_000]);
});

test('a long look goes on in later turns, and all its work counts', async () => {
  const scheduler = new Scheduler();
  const begun: number[] = [];
  const turns: number[] = [];
  using looks = new ScanPacer(
    function* (now) {
      begun.push(now);
      for (let pieces = 0; pieces < 10; pieces += 1) {
        scheduler.work(10);
        yield;
      }
    },
    () => null,
    scheduler.clock,
  );
  const others = scheduler.clock.every(1, () => turns.push(scheduler.now));
  looks.request();
  await scheduler.pass(110);
  others[Symbol.dispose]();
  assert.ok(turns.filter((at) => at < 100).length >= 4, `${turns}`);
  looks.request();
  await scheduler.pass(1_000);
  assert.deepEqual(begun, [0, 500]);
});
