// Users and groups of this host.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountOf, groupIdOf } from '../../../src/os/spawn/accounts.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';

test('a user is found by name and by number', () => {
  const root = accountOf('root', systemClock.now());
  assert.deepEqual([root?.name, root?.uid, root?.gid, root?.home], ['root', 0, 0, '/root']);
  assert.ok((root?.shell ?? '').startsWith('/'));
  assert.deepEqual(accountOf('0', systemClock.now()), root);
});

test('a group is found by name and by number', () => {
  assert.equal(groupIdOf('root', systemClock.now()), 0);
  assert.equal(groupIdOf('0', systemClock.now()), 0);
});

test('nobody else is', () => {
  for (const name of [
    'no-such-user-anywhere',
    '4123456789',
    '',
    ' ',
    'ro',
    'root:x',
    '-s',
    'a b',
    'x\0y',
    '*',
    '../root',
  ]) {
    assert.equal(accountOf(name, systemClock.now()), null, name);
    assert.equal(groupIdOf(name, systemClock.now()), null, name);
  }
});
