// When a disk counts as slow, and when it is quick again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Patience } from '../../../src/os/log-file/slow-disk.ts';

test('one slow write is an accident, two in a row are a slow disk, twenty quick ones end that', () => {
  const patience = new Patience();
  for (const time of [1, 500, 1, 500, 1]) patience.took(time);
  assert.equal(patience.isOver, false);
  patience.took(21);
  patience.took(21);
  assert.equal(patience.isOver, true);
  for (let write = 0; write < 19; write++) patience.took(1);
  assert.equal(patience.isOver, true);
  patience.took(1);
  assert.equal(patience.isOver, false);
});
