// The plan of a reload: what it does to each service and to opsd itself, key by key, without a secret.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences, isInPlace, needsNewProcess, planDaemon, planReload } from '../../src/core/model/changes.ts';
import type { Config, EffectiveValue } from '../../src/core/model/spec.ts';
import { aConfig, aGroup, aService } from '../simulation/specs.ts';

function valued(values: Readonly<Record<string, Partial<EffectiveValue>>>): ReadonlyMap<string, EffectiveValue> {
  return new Map(
    Object.entries(values).map(([key, value]) => [key, { value: '', secret: false, source: 'test', ...value }]),
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

test('these keys change under a running process, and no others', () => {
  const inPlace = [
    ...['enabled', 'restart', 'backoff.initial', 'backoff.max', 'stable_after', 'max_failures', 'retry_failed'],
    ...['fatal_exit_codes', 'success_exit_codes', 'stop_signal', 'stop_timeout', 'depends_on', 'after', 'ready.on'],
    ...['health.interval', 'on_dependency_restart', 'type', 'instances', 'rollout.max_surge', 'timeout', 'schedule'],
    ...['timezone', 'overlap', 'random_delay', 'catch_up', 'on_failed', 'before_start', 'after_stop', 'tags'],
    ...['heartbeat.timeout', 'heartbeat.grace', 'log.timestamps'],
  ];
  assert.deepEqual(
    inPlace.filter((key) => !isInPlace(key)),
    [],
  );
  const bornWith = ['command', 'cwd', 'user', 'env.PORT', 'limits.memory', 'heartbeat.file', 'log.file', 'log', 'nice'];
  assert.deepEqual(bornWith.filter(isInPlace), []);
});

test('of opsd’s own keys some are in force at once, the others when it starts the next time', () => {
  const now = ['log_level', 'start_concurrency', 'shutdown_timeout', 'exit_when', 'page_logs', 'watch_config'];
  const hooks = ['on_event', 'on_event_secrets.pager.webhook'];
  const later = ['http', 'log_dir', 'log_format', 'socket_mode', 'socket_group'];
  const all = [...now, ...hooks, ...later];
  const before = withDaemon(Object.fromEntries(all.map((key) => [key, { value: 'a' }])));
  const after = withDaemon(Object.fromEntries(all.map((key) => [key, { value: 'b' }])));
  const when = new Map(planDaemon(before, after).map((change) => [change.key, change.when]));
  assert.deepEqual([...when.keys()].filter((key) => when.get(key) === 'now').sort(), [...now, ...hooks].sort());
  assert.deepEqual([...when.keys()].filter((key) => when.get(key) === 'next_opsd').sort(), [...later].sort());
  assert.deepEqual(planDaemon(before, before), []);
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
