// Users and groups of this host.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountOf, groupIdOf } from '../../../src/os/spawn/accounts.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';

test('a user is found by name and by number', () => {
  const root = accountOf('root', systemClock.now());
  assert.deepEqual([root?.named?.name, root?.uid, root?.gid, root?.named?.home], ['root', 0, 0, '/root']);
  assert.ok((root?.named?.shell ?? '').startsWith('/'));
  assert.deepEqual(accountOf('0', systemClock.now()), root);
});

test('a group is found by name and by number', () => {
  assert.equal(groupIdOf('root', systemClock.now()), 0);
  assert.equal(groupIdOf('0', systemClock.now()), 0);
});

test('a number that nobody has is taken as it is: no home, no names, no group of anybody', () => {
  for (const number of ['54321', '4123456789', '1000710000']) {
    const account = accountOf(number, systemClock.now());
    assert.deepEqual(account, { uid: Number(number), gid: Number(number), named: null });
    assert.equal(groupIdOf(number, systemClock.now()), Number(number));
  }
});

test('nobody else is', () => {
  for (const name of ['no-such-user-anywhere', '', ' ', 'ro', 'root:x', '-s', 'a b', 'x\0y', '*', '../root']) {
    assert.equal(accountOf(name, systemClock.now()), null, name);
    assert.equal(groupIdOf(name, systemClock.now()), null, name);
  }
});
