// A user who changes his env_file all the time, and never gives his service what it lacks, keeps opsd from nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refreshes } from '../../src/daemon/watch/refreshes.ts';
import { Scheduler } from '../simulation/scheduler.ts';

function world() {
  const scheduler = new Scheduler();
  const seen: { readonly at: number; readonly services: readonly string[] }[] = [];
  const refreshes = new Refreshes({
    refresh: (services) => seen.push({ at: scheduler.now, services }),
    clock: scheduler.clock,
  });
  return { scheduler, seen, refreshes, [Symbol.dispose]: () => refreshes[Symbol.dispose]() };
}

test('a service that still lacks something after a refresh has a pause that grows to a minute', async () => {
  using host = world();
  for (let second = 0; second < 300; second++) {
    host.refreshes.ask('evil');
    host.refreshes.keepOnly(() => true);
    await host.scheduler.pass(1_000);
  }
  const times = host.seen.map(({ at }) => at);
  const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0));
  assert.deepEqual(
    pauses.map((pause) => Math.round(pause / 1_000)),
    [2, 4, 8, 16, 32, 60, 60, 60],
  );
});

test('one refresh is for all that changed in one look, and none is sooner than a period after another', async () => {
  using host = world();
  const names = Array.from({ length: 300 }, (_, index) => `s${index}`);
  for (const name of names) host.refreshes.ask(name);
  await host.scheduler.pass(200);
  assert.deepEqual(
    host.seen.map(({ services }) => services),
    [names],
  );
  for (let step = 0; step < 40; step++) {
    host.refreshes.ask(`t${step}`);
    await host.scheduler.pass(50);
  }
  await host.scheduler.pass(2_000);
  const [first, second] = host.seen.map(({ at }) => at);
  assert.ok(host.seen.length <= 3, `${host.seen.length} refreshes`);
  assert.ok(first !== undefined && second !== undefined && second - first >= 2_000);
});

test('the pause of one service delays no other, and ends when it lacks nothing', async () => {
  using host = world();
  for (let second = 0; second < 60; second++) {
    host.refreshes.ask('evil');
    await host.scheduler.pass(1_000);
  }
  host.seen.length = 0;
  host.refreshes.ask('web');
  await host.scheduler.pass(200);
  assert.deepEqual(
    host.seen.map(({ services }) => services),
    [['web']],
  );
  host.refreshes.keepOnly((name) => name !== 'evil');
  host.refreshes.ask('evil');
  await host.scheduler.pass(2_100);
  assert.deepEqual(
    host.seen.map(({ services }) => services),
    [['web'], ['evil']],
  );
});
