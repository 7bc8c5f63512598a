// How soon opsd looks at the processes again: after as much rest as the look was work, not as long as it took.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScanPacer } from '../../../src/os/processes/scan-pacer.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { waitFor } from '../../support/wait.ts';

/** When each of the first `count` looks began, if one follows the other as soon as it may. */
async function beginnings(count: number, look: () => void): Promise<number[]> {
  const begun: number[] = [];
  using looks = new ScanPacer(
    function* (now) {
      yield;
      begun.push(now);
      look();
    },
    (now) => now,
    systemClock,
  );
  looks.request();
  await waitFor('the looks', () => begun.length >= count);
  return begun;
}

test('a look in the middle of which opsd was stopped is followed by the next one soon', async () => {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const [first = 0, second = 0] = await beginnings(2, () => Atomics.wait(sleeper, 0, 0, 500));
  assert.ok(second - first < 1_000, `${second - first} ms`);
});

test('a look that was work is followed by four times as much rest', async () => {
  const [first = 0, second = 0] = await beginnings(2, () => {
    const before = process.threadCpuUsage();
    for (let used = 0; used < 40_000; ) {
      const { user, system } = process.threadCpuUsage(before);
      used = user + system;
      systemClock.now();
    }
  });
  assert.ok(second - first >= 195, `${second - first} ms`);
});
