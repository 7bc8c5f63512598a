// The memory limit without a cgroup: what stays above it is restarted, and a peak that one look has seen is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../../src/core/model/events.ts';
import type { State } from '../../../src/core/model/state.ts';
import { MemoryWatch } from '../../../src/daemon/watch/memory-watch.ts';
import { Scheduler } from '../../simulation/scheduler.ts';
import { aConfig, aService } from '../../simulation/specs.ts';
import { startedState } from '../../support/started-state.ts';

const LIMIT = 100 << 20;

/** Looks once for each of `sizes` (in MiB; null: it could not be measured); the numbers of the looks that had it restarted. */
async function looks(
  sizes: readonly (number | null)[],
  generationAt: (look: number) => number = () => 1,
): Promise<readonly number[]> {
  const scheduler = new Scheduler();
  const spec = aService('web');
  const limited = { ...spec, launch: { ...spec.launch, limits: { ...spec.launch.limits, memory: LIMIT } } };
  const state = startedState(aConfig([limited]));
  const told: number[] = [];
  let look = 0;
  const stateNow = (): State => ({
    ...state,
    services: state.services.map((service) =>
      service.state.name === 'running'
        ? { ...service, state: { ...service.state, run: { ...service.state.run, generation: generationAt(look) } } }
        : service,
    ),
  });
  using _watch = new MemoryWatch({
    state: stateNow,
    measure: ([{ service, generation } = { service: '', generation: 0 }]) => {
      const size = sizes[look] ?? null;
      return Promise.resolve(size === null ? null : new Map([[`${service} ${generation}`, size * (1 << 20)]]));
    },
    keyOf: (service, generation) => `${service} ${generation}`,
    isHeld: () => false,
    post: (event: Event) => {
      assert.equal(event.type, 'memory_exceeded');
      told.push(look);
    },
    period: 5_000,
    clock: scheduler.clock,
  });
  for (look = 0; look < sizes.length; look += 1) {
    await scheduler.pass(5_000);
  }
  return told;
}

test('one look above the limit, or two, is no reason; three in a row are', async () => {
  assert.deepEqual(await looks([50, 500, 50, 50, 500, 500, 50, 50]), []);
  assert.deepEqual(await looks([101, 101, 101, 50]), [2]);
  assert.deepEqual(await looks([5_000, 5_000, 5_000]), [2], 'however much it is');
  assert.deepEqual(await looks([100, 100, 100, 100]), [], 'the limit itself is allowed');
});

test('what is above most of the time stays above, with a look below in between', async () => {
  assert.deepEqual(await looks([200, 200, 50, 200, 200, 200]), [4, 5]);
  assert.deepEqual(await looks([200, 50, 200, 50, 200, 50, 200, 50]), [], 'every other look is not most of them');
});

test('a look that could not measure counts for nothing', async () => {
  assert.deepEqual(await looks([200, null, 200, null, null, 200]), [5]);
});

test('another generation begins anew', async () => {
  assert.deepEqual(await looks([200, 200, 200, 200], (look) => (look < 2 ? 1 : 2)), []);
});
