// The loop: nothing happens before it begins, whatever is due or asked for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effect } from '../../src/core/model/effects.ts';
import { initialState } from '../../src/core/model/initial.ts';
import { step } from '../../src/core/supervisor.ts';
import { Loop } from '../../src/runtime/loop.ts';
import { Scheduler } from '../simulation/scheduler.ts';
import { aConfig, aService } from '../simulation/specs.ts';

/** A service that is to be started again in a moment, and what the loop has done since. */
function aLoop() {
  const scheduler = new Scheduler();
  const began = scheduler.now;
  const config = aConfig([aService('web', { backoff: { initial: 10, factor: 1, max: 10, jitter: 0 } })]);
  const [started] = step(initialState(1), { type: 'configured', config, isFirst: true }, began);
  const message = 'no room';
  const failed = { type: 'spawn_failed', service: 'web', generation: 1, kind: 'failure', message } as const;
  const [inBackoff] = step(started, failed, began);
  assert.equal(inBackoff.services[0]?.state.name, 'backoff');
  const done: Effect[] = [];
  const loop = new Loop(inBackoff, scheduler.clock);
  const begin = () => loop.begin({ perform: (_event, effects) => void done.push(...effects), onIdle() {} });
  return { loop, scheduler, begin, spawned: () => done.filter(({ type }) => type === 'spawn').length };
}

test('what is due before the loop begins is done when it does', async () => {
  const { loop, scheduler, begin, spawned } = aLoop();
  using _ = loop;
  await scheduler.pass(100);
  assert.equal(spawned(), 0);
  begin();
  await scheduler.pass(0);
  assert.equal(spawned(), 1);
});

test('what is asked for before the loop begins is done when it does', () => {
  const { loop, begin, spawned } = aLoop();
  using _ = loop;
  loop.post({ type: 'order', id: 1, action: 'start', services: ['web'], by: 'test' });
  assert.equal(spawned(), 0);
  begin();
  assert.equal(spawned(), 1);
});
