// An answer that is shared: for how long, and what it costs at most.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Fresh } from '../../src/http/routes/fresh.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { waitFor } from '../support/wait.ts';

/** Makes numbers, each in so many milliseconds of work. */
function counting(keep: number, work = 0) {
  const state = { made: 0, version: 0 };
  const fresh = new Fresh(
    keep,
    () => state.version,
    () => {
      const end = performance.now() + work;
      while (performance.now() < end);
      state.made += 1;
      return state.made;
    },
    systemClock,
  );
  return { state, fresh };
}

test('it is kept for its time, and no longer when something has changed', async () => {
  const { state, fresh } = counting(60_000);
  assert.deepEqual([fresh.get(), fresh.get()], [1, 1]);
  state.version += 1;
  await waitFor('another one', () => fresh.get() === 2, 1_000);
  assert.equal(fresh.get(), 2);
});

test('where nothing is kept each has its own', () => {
  const { fresh } = counting(0);
  assert.deepEqual([fresh.get(), fresh.get()], [1, 2]);
});

test('what costs much is made seldom, however much happens', async () => {
  const { state, fresh } = counting(60_000, 10);
  const end = performance.now() + 300;
  while (performance.now() < end) {
    state.version += 1;
    fresh.get();
    await pause(1);
  }
  assert.ok(state.made >= 1 && state.made <= 7, `made ${state.made} times of 10 ms in 300 ms`);
});

test('while it is made all wait for the same, and a failure is not kept', async () => {
  let made = 0;
  let version = 0;
  let fails = true;
  const fresh = new Fresh(
    60_000,
    () => version,
    async () => {
      made += 1;
      await pause(5);
      if (fails) throw new Error('no');
      return made;
    },
    systemClock,
  );
  const first = [fresh.get(), fresh.get()];
  version += 1;
  first.push(fresh.get());
  for (const each of first) await assert.rejects(each, /no/);
  assert.equal(made, 1);
  fails = false;
  assert.equal(await fresh.get(), 2);
});
