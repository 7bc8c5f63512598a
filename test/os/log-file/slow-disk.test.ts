// When a disk counts as slow, and when it is quick again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlowDiskDetector } from '../../../src/os/log-file/slow-disk.ts';

test('one slow write is an accident, two in a row are a slow disk, twenty quick ones end that', () => {
  const patience = new SlowDiskDetector();
  for (const time of [1, 500, 1, 500, 1]) patience.noteWrite(time);
  assert.equal(patience.isSlow, false);
  patience.noteWrite(21);
  patience.noteWrite(21);
  assert.equal(patience.isSlow, true);
  for (let write = 0; write < 19; write++) patience.noteWrite(1);
  assert.equal(patience.isSlow, true);
  patience.noteWrite(1);
  assert.equal(patience.isSlow, false);
});
