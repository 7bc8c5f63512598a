// What is kept of a main process is who it was when it was started, not who has its number now.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { savedServices } from '../../../src/core/adoption/saved-service.ts';
import { StateKeeper } from '../../../src/daemon/succession/state-keeper.ts';
import type { SavedServiceRecord } from '../../../src/os/files/remembered.ts';
import { Scheduler } from '../../simulation/scheduler.ts';
import { aConfig, aService } from '../../simulation/specs.ts';
import { startedState } from '../../support/started-state.ts';

function keeping() {
  const state = startedState(aConfig([aService('web')]));
  const scheduler = new Scheduler();
  const saved: SavedServiceRecord[] = [];
  const saves: number[] = [];
  const disk = { isFull: false };
  const file = {
    saveNow(services: readonly SavedServiceRecord[]) {
      saves.push(scheduler.now);
      if (disk.isFull) return false;
      saved.push(...services);
      return true;
    },
  };
  // As if the main process had just been reaped, and its number were that of this very process.
  const memories = () => savedServices(state, () => '').map((memory) => ({ ...memory, pid: process.pid }));
  const keeper = new StateKeeper(file, memories, scheduler.clock);
  keeper.touch();
  return { keeper, saved, saves, disk, scheduler };
}

test('a number that is not its own any more is not kept: the next opsd would adopt a stranger', () => {
  const { keeper, saved } = keeping();
  using _keeper = keeper;
  keeper.begin({ identity: () => null, uid: () => 7 });
  assert.equal(keeper.saveNow(), true);
  assert.deepEqual(
    saved.map(({ pid, startTime, uid }) => ({ pid, startTime, uid })),
    [{ pid: null, startTime: null, uid: 7 }],
  );
});

test('the file of an earlier opsd stays as it is until that was taken over', () => {
  const { keeper, saved } = keeping();
  assert.equal(keeper.saveNow(), false);
  keeper[Symbol.dispose]();
  assert.deepEqual(saved, []);
});

const nobody = { identity: () => null, uid: () => null };

test('many changes within 200 ms are one save, and without a change there is none', async () => {
  const { keeper, saves, scheduler } = keeping();
  using _keeper = keeper;
  keeper.begin(nobody);
  for (let changes = 0; changes < 100; changes += 1) keeper.touch();
  await scheduler.pass(199);
  assert.deepEqual(saves, []);
  await scheduler.pass(60_000);
  assert.deepEqual(saves, [200]);
});

test('a save that failed is tried again after five seconds, until the disk takes it', async () => {
  const { keeper, saves, disk, scheduler } = keeping();
  using _keeper = keeper;
  disk.isFull = true;
  keeper.begin(nobody);
  await scheduler.pass(6_000);
  assert.equal(keeper.saveNow(), false);
  disk.isFull = false;
  await scheduler.pass(60_000);
  assert.deepEqual(saves, [200, 5_200, 6_000, 11_000]);
});
