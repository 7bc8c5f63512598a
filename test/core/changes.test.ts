// The plan of a reload: what it does to each service and to opsd itself, key by key, without a secret.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences, needsNewProcess, planDaemon, planReload } from '../../src/core/model/changes.ts';
import type { Config } from '../../src/core/model/config.ts';
import type { EffectiveValue } from '../../src/core/model/spec.ts';
import { aConfig, aGroup, aService } from '../simulation/specs.ts';

function valued(values: Readonly<Record<string, Partial<EffectiveValue>>>): ReadonlyMap<string, EffectiveValue> {
  return new Map(
    Object.entries(values).map(([key, value]) => [
      key,
      { value: '', secret: false, source: 'test', inForce: 'anew', ...value },
    ]),
  );
}

const withDaemon = (values: Parameters<typeof valued>[0]): Config => ({ ...aConfig([]), effective: valued(values) });

test('a reload says of each service what becomes of it, and nothing of those that stay as they are', () => {
  const before = aConfig([aService('same'), aService('moved'), aService('tuned'), aService('gone')]);
  const after = aConfig([
    aService('same'),
    aService('moved', {}, 2),
    aService('tuned', { maxFailures: 3 }),
    aService('new'),
  ]);
  const plan = planReload(before, after);
  assert.deepEqual(
    plan.map(({ service, kind }) => [service, kind]),
    [
      ['moved', 'restarted'],
      ['tuned', 'changed'],
      ['gone', 'removed'],
      ['new', 'added'],
    ],
  );
  assert.deepEqual(plan[0]?.keys, [{ key: 'command', from: '1', to: '2' }]);
  assert.deepEqual(plan[2]?.keys, []);
  assert.ok(plan[3]?.keys.some(({ key, from, to }) => key === 'command' && from === null && to === '1'));
});

test('one of several instances is restarted when its turn comes; what can change in place does so at once', () => {
  const rollout = { maxUnavailable: 1, maxSurge: 0, onFailure: 'stop' } as const;
  const before = aGroup('web', 1, rollout);
  const kinds = (after: Config) => planReload(before, after).map(({ service, kind }) => [service, kind]);
  assert.deepEqual(kinds(aGroup('web', 1, rollout, {}, 2)), [['web@1', 'rolled']]);
  assert.deepEqual(kinds(aGroup('web', 1, rollout, { maxFailures: 3 })), [['web@1', 'changed']]);
});

test('a service is restarted for a key that it was born with, whatever else changes in place', () => {
  const before = aService('web');
  assert.equal(needsNewProcess(before, aService('web')), false);
  assert.equal(needsNewProcess(before, aService('web', { maxFailures: 3 })), false);
  assert.equal(needsNewProcess(before, aService('web', { maxFailures: 3 }, 2)), true);
});

test('of opsd’s own keys some are in force at once, the others when it starts the next time', () => {
  const values = (value: string): Parameters<typeof valued>[0] => ({
    now: { value, inForce: 'at_once' },
    later: { value, inForce: 'anew' },
    renewed: { value, inForce: 'at_once_if_replaced' },
  });
  const whens = (before: Config, after: Config) => planDaemon(before, after).map(({ key, when }) => [key, when]);
  const [one, two, none] = [withDaemon(values('1')), withDaemon(values('2')), withDaemon({})];
  const replaced = [
    ['now', 'now'],
    ['later', 'next_opsd'],
    ['renewed', 'now'],
  ];
  assert.deepEqual(whens(one, two), replaced);
  const setOrUnset = [...replaced.slice(0, 2), ['renewed', 'next_opsd']];
  assert.deepEqual(whens(none, one), setOrUnset);
  assert.deepEqual(whens(one, none), setOrUnset);
  assert.deepEqual(planDaemon(one, one), []);
});

test('a change names no secret, though it sees that one is another, and a value that comes from elsewhere and is the same is none', () => {
  const before = valued({
    token: { value: '[redacted]', secret: true, whole: () => 'old' },
    same: { value: '1', source: 'file' },
    kept: { value: '[redacted]', secret: true, whole: () => 'k' },
    gone: { value: 'x' },
  });
  const after = valued({
    token: { value: '[redacted]', secret: true, whole: () => 'new' },
    same: { value: '1', source: 'env' },
    kept: { value: '[redacted]', secret: true, whole: () => 'k' },
    added: { value: 'y' },
  });
  assert.deepEqual(differences(before, after), [
    { key: 'token', from: '[redacted]', to: '[redacted]' },
    { key: 'gone', from: 'x', to: null },
    { key: 'added', from: null, to: 'y' },
  ]);
});
