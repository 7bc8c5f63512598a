// What is kept of a main process is who it was when it was started, not who has its number now.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { savedServices } from '../../../src/core/adoption/saved-service.ts';
import { StateKeeper } from '../../../src/daemon/succession/state-keeper.ts';
import type { SavedServiceRecord } from '../../../src/os/files/remembered.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { aConfig, aService } from '../../simulation/specs.ts';
import { startedState } from '../../support/started-state.ts';

function keeping() {
  const state = startedState(aConfig([aService('web')]));
  const saved: SavedServiceRecord[] = [];
  const file = {
    saveNow(services: readonly SavedServiceRecord[]) {
      saved.push(...services);
      return true;
    },
  };
  // As if the main process had just been reaped, and its number were that of this very process.
  const memories = () => savedServices(state, () => '').map((memory) => ({ ...memory, pid: process.pid }));
  const keeper = new StateKeeper(file, memories, systemClock);
  keeper.touch();
  return { keeper, saved };
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
