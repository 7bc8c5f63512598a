// Limits in the files of a cgroup: in plain files of the same names, as hosts that delegate controllers are rare.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Limits } from '../../../src/core/model/spec.ts';
import { applyLimits, limitsMemory } from '../../../src/os/cgroup/limits.ts';
import { scratch } from '../../support/scratch.ts';

const all: Limits = {
  nofile: 100,
  core: 0,
  memory: 512 << 20,
  memoryHigh: 400 << 20,
  cpu: 1.5,
  tasks: 256,
  ioWeight: 50,
};
const FILES = ['memory.max', 'memory.high', 'cpu.max', 'pids.max', 'io.weight'];

test('each limit goes where the kernel reads it', async () => {
  await using folder = await scratch();
  for (const file of FILES) writeFileSync(join(folder.path, file), '');
  assert.deepEqual(applyLimits(folder.path, all), []);
  assert.deepEqual(
    FILES.map((file) => readFileSync(join(folder.path, file), 'utf8')),
    ['536870912', '419430400', '150000 100000', '256', 'default 50'],
  );
  assert.equal(limitsMemory(folder.path), true);
});

test('what has no controller is told, and nothing is made up', async () => {
  await using folder = await scratch();
  writeFileSync(join(folder.path, 'memory.max'), 'max\n');
  assert.equal(limitsMemory(folder.path), false);
  assert.deepEqual(applyLimits(folder.path, { ...all, memoryHigh: null }), ['cpu', 'tasks', 'io_weight']);
  assert.equal(existsSync(join(folder.path, 'pids.max')), false);
  assert.equal(limitsMemory(join(folder.path, 'nowhere')), false);
});
