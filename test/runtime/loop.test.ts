// The loop: nothing happens before it begins, whatever is due or asked for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effect } from '../../src/core/model/effects.ts';
import { initialState } from '../../src/core/model/initial.ts';
import { step } from '../../src/core/supervisor.ts';
import { Loop } from '../../src/runtime/loop.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { aConfig, aService } from '../simulation/specs.ts';
import { waitFor } from '../support/wait.ts';

/** A service that is to be started again in a moment, and what the loop has done since. */
function aLoop() {
  const began = systemClock.now();
  const config = aConfig([aService('web', { backoff: { initial: 10, factor: 1, max: 10, jitter: 0 } })]);
  const [started] = step(initialState(1), { type: 'configured', config, isFirst: true }, began);
  const message = 'no room';
  const failed = { type: 'spawn_failed', service: 'web', generation: 1, kind: 'failure', message } as const;
  const [inBackoff] = step(started, failed, began);
  assert.equal(inBackoff.services[0]?.state.name, 'backoff');
  const done: Effect[] = [];
  const loop = new Loop(inBackoff, systemClock);
  const begin = () => loop.begin({ perform: (_event, effects) => void done.push(...effects), onIdle() {} });
  return { loop, begin, spawned: () => done.filter(({ type }) => type === 'spawn').length };
}

test('what is due before the loop begins is done when it does', async () => {
  const { loop, begin, spawned } = aLoop();
  using _ = loop;
  const due = systemClock.now() + 100;
  await waitFor('the deadline to pass', () => systemClock.now() > due);
  assert.equal(spawned(), 0);
  begin();
  await waitFor('the start', () => spawned() === 1);
});

test('what is asked for before the loop begins is done when it does', () => {
  const { loop, begin, spawned } = aLoop();
  using _ = loop;
  loop.post({ type: 'order', id: 1, action: 'start', services: ['web'], by: 'test' });
  assert.equal(spawned(), 0);
  begin();
  assert.equal(spawned(), 1);
});
