// Taking over: what becomes of the PID file of a service of which an earlier opsd left something.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effect } from '../../src/core/model.ts';
import { recall } from '../../src/core/recall.ts';
import { aConfig, aService } from '../simulation/specs.ts';

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
