// `recovered`: told once, when what had failed has been ready for stable_after again.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { Script } from '../simulation/host.ts';
import { Simulation } from '../simulation/simulation.ts';
import { aConfig, aService } from '../simulation/specs.ts';
import { obedient, steady } from '../simulation/story.ts';

const web = aService('web', { ...steady, stableAfter: 10_000, maxFailures: 1, retryFailed: 0 });
const failsAfter = (after: number): Script => ({ ...obedient, ends: { after, code: 1 } });

/** `lives`: of its generations; the last one for all others. */
function world(...lives: readonly Script[]): Simulation {
  const simulation = new Simulation(1, (_, generation) => lives[generation - 1] ?? lives.at(-1) ?? obedient);
  simulation.boot(aConfig([web]));
  return simulation;
}

function toldAt({ effects }: Simulation): readonly number[] {
  return effects.filter(({ what }) => what.type === 'recovered').map(({ at }) => at);
}

test('after a backoff it is told when it has been ready for stable_after, and once', () => {
  const simulation = world(failsAfter(50), obedient);
  simulation.runUntil(60_000);
  assert.deepEqual(toldAt(simulation), [50 + 100 + 10_000]);
});

test('one that never failed does not recover', () => {
  const simulation = world(obedient);
  simulation.runUntil(60_000);
  assert.deepEqual(toldAt(simulation), []);
});

test('who fails again before that has not recovered', () => {
  const simulation = world(failsAfter(50), failsAfter(9_000), obedient);
  simulation.runUntil(9_150);
  simulation.order('start', 'web');
  simulation.runUntil(60_000);
  assert.equal(simulation.transitions.filter(({ what }) => what.to === 'failed').length, 1);
  assert.deepEqual(toldAt(simulation), [9_150 + 10_000]);
});

test('an operator who stops it and starts it again does not make it well', () => {
  const simulation = world(failsAfter(50), obedient);
  simulation.runUntil(5_000);
  simulation.order('restart', 'web');
  simulation.runUntil(60_000);
  assert.deepEqual(toldAt(simulation), [5_000 + 100 + 10_000]);
});

test('a reload of stable_after counts for a recovery that is awaited', () => {
  const simulation = world(failsAfter(50), obedient);
  simulation.runUntil(5_000);
  const config = aConfig([aService('web', { ...web.policy, stableAfter: 20_000 })]);
  simulation.post({ type: 'configured', config, isFirst: false });
  simulation.runUntil(60_000);
  assert.deepEqual(toldAt(simulation), [150 + 20_000]);
});

test('an opsd that is killed meanwhile leaves it to the next one, unless its memory is lost', () => {
  for (const hasMemory of [true, false]) {
    const simulation = world(failsAfter(50), obedient);
    simulation.runUntil(5_000);
    simulation.crash(aConfig([web]), hasMemory);
    simulation.runUntil(60_000);
    assert.deepEqual(toldAt(simulation), hasMemory ? [150 + 10_000] : []);
  }
});
