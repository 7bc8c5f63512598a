// The memory of whole trees, and that those who take more than they may are started anew where no cgroup holds them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../../src/core/model/events.ts';
import { MemoryWatch } from '../../../src/daemon/watch/memory-watch.ts';
import { treeKey } from '../../../src/os/processes/process-tree.ts';
import { treesMemory } from '../../../src/os/processes/tree-memory.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { aConfig, aService } from '../../simulation/specs.ts';
import { startedState } from '../../support/started-state.ts';
import { waitFor } from '../../support/wait.ts';
import { rig, shell } from '../rig.ts';

const MIB = 1 << 20;

test('all processes of a generation count, those that left its group too', async () => {
  await using r = await rig();
  const hoard = `sh -c '(head -c ${40 * MIB} /dev/zero; sleep 60) | tail -c ${40 * MIB}'`;
  await r.start(shell(`setsid ${hoard} & ${hoard} & wait`));
  const size = async () => {
    const members = await r.processes.membersOf([{ service: 'web', generation: 1 }]);
    return members && (await treesMemory(members)).get(treeKey('web', 1));
  };
  await waitFor('both to have taken theirs', async () => ((await size()) ?? 0) > 80 * MIB);
  const taken = await size();
  assert.ok(taken && taken < 120 * MIB, `${taken}`);
  r.processes.kill('web', 1);
  await r.event('exited');
  await waitFor('their end', async () => !(await size()));
});

const limited = (name: string) => {
  const spec = aService(name);
  return { ...spec, launch: { ...spec.launch, limits: { ...spec.launch.limits, memory: 512 * MIB } } };
};

test('who takes more is told to the core, with both figures; who is held by a cgroup, or has no limit, is not', async () => {
  const state = startedState(aConfig([limited('big'), limited('small'), limited('held'), aService('free')]));
  const posted: Event[] = [];
  const sizes = new Map(['big', 'held', 'free'].map((name) => [treeKey(name, 1), 600 * MIB]));
  using _watch = new MemoryWatch({
    clock: systemClock,
    state: () => state,
    measure: async () => sizes.set(treeKey('small', 1), 512 * MIB),
    keyOf: treeKey,
    isHeld: (service) => service === 'held',
    post: (event) => posted.push(event),
    period: 5,
  });
  await waitFor('a look', () => posted.length > 0);
  const detail = 'its processes use 600 MiB (PSS) again and again, limits.memory is 512 MiB';
  assert.deepEqual(posted[0], { type: 'memory_exceeded', service: 'big', generation: 1, detail });
  assert.ok(posted.every((event) => 'service' in event && event.service === 'big'));
});
