// Taking over: what becomes of the PID file of a service of which an earlier opsd left something.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { remember } from '../../src/core/memory.ts';
import type { Effect } from '../../src/core/model.ts';
import { recall } from '../../src/core/recall.ts';
import { aConfig, aService } from '../simulation/specs.ts';

const survivor = { service: 'web', pid: 42, startedAt: 0 };

/** What is to be done about PID files when this main process, or none, is left. */
function pidFileEffects(pid: number | null): readonly Effect[] {
  const survivors = [{ service: 'web', generation: 3, pid, startedAt: 0 }];
  const { effects } = recall(aConfig([aService('web')]), { memories: [], survivors }, () => '', 1, 1_000);
  return effects.filter(({ type }) => type === 'write_pid' || type === 'remove_pid');
}

test('an adopted main process has its PID file', () => {
  assert.deepEqual(pidFileEffects(42), [{ type: 'write_pid', service: 'web', pid: 42 }]);
});

test('a main process that has ended has none, though others of its tree live', () => {
  assert.deepEqual(pidFileEffects(null), [{ type: 'remove_pid', service: 'web' }]);
});

/** What a process of this generation is left to be, when generation 3 was the last that was written down. */
function stateOf(generation: number, fingerprintWas: string, fingerprintIs: string): string | undefined {
  const config = aConfig([aService('web')]);
  const last = recall(
    config,
    { memories: [], survivors: [{ ...survivor, generation: 3 }] },
    () => fingerprintWas,
    1,
    1_000,
  );
  const memories = remember(last.state, () => fingerprintWas);
  const survivors = [{ ...survivor, generation }];
  const { state } = recall(config, { memories, survivors }, () => fingerprintIs, 1, 2_000);
  return state.services[0]?.state.name;
}

test('a process is kept while its configuration is the one it was born with', () => {
  assert.equal(stateOf(3, 'before', 'before'), 'running');
  assert.equal(stateOf(4, 'before', 'before'), 'running', 'nor was any change seen since before its start');
});

test('a process is restarted when the configuration has changed since opsd last wrote anything down', () => {
  assert.equal(stateOf(3, 'before', 'now'), 'stopping');
  assert.equal(stateOf(4, 'before', 'now'), 'stopping', 'one whose start was never written down');
});
