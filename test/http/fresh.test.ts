// An answer that is shared: for how long, and what it costs at most.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fresh } from '../../src/http/routes/fresh.ts';
import { Scheduler } from '../simulation/scheduler.ts';

/** Makes numbers, each in so many milliseconds of work. */
function counting(keep: number, work = 0) {
  const scheduler = new Scheduler();
  const state = { made: 0, version: 0 };
  const make = () => {
    scheduler.work(work);
    state.made += 1;
    return state.made;
  };
  const fresh = new Fresh(keep, () => state.version, make, scheduler.clock);
  return { state, fresh, scheduler };
}

test('it is kept for its time, and no longer when something has changed', async () => {
  const { state, fresh, scheduler } = counting(1_000);
  assert.deepEqual([fresh.get(), fresh.get()], [1, 1]);
  await scheduler.pass(1_000);
  assert.equal(fresh.get(), 1);
  await scheduler.pass(1);
  assert.equal(fresh.get(), 2);
  await scheduler.pass(1);
  state.version += 1;
  assert.deepEqual([fresh.get(), fresh.get()], [3, 3]);
});

test('where nothing is kept each has its own', () => {
  const { fresh } = counting(0);
  assert.deepEqual([fresh.get(), fresh.get()], [1, 2]);
});

test('what costs much is made seldom, however much happens', async () => {
  const { state, fresh, scheduler } = counting(60_000, 10);
  while (scheduler.now < 1_000) {
    state.version += 1;
    fresh.get();
    await scheduler.pass(1);
  }
  // A fifth of the time, and one more in the beginning.
  assert.equal(state.made, 20);
});

test('while it is made all wait for the same, and a failure is not kept', async () => {
  const { clock } = new Scheduler();
  let made = 0;
  let version = 0;
  const makings: PromiseWithResolvers<number>[] = [];
  const make = () => {
    made += 1;
    const making = Promise.withResolvers<number>();
    makings.push(making);
    return making.promise;
  };
  const fresh = new Fresh(60_000, () => version, make, clock);
  const first = [fresh.get(), fresh.get()];
  version += 1;
  first.push(fresh.get());
  makings[0]?.reject(new Error('no'));
  for (const each of first) await assert.rejects(each, /no/);
  assert.equal(made, 1);
  const second = fresh.get();
  makings[1]?.resolve(2);
  assert.equal(await second, 2);
});
