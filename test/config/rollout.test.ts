// `rollout`: what is replaced one after the other, and which numbers make no sense.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planReload } from '../../src/core/model/changes.ts';
import { assertOnly, configOf, load, problemsOf } from './loading.ts';

const WEB = '[services.web]\ncommand = ["true"]\n';
const rolloutOf = (text: string) => configOf(text).rollouts.get('web');

test('several instances are replaced one at a time, and one service at once, where nothing is said', () => {
  assert.deepEqual(rolloutOf(`${WEB}instances = 3\n`), {
    members: ['web@1', 'web@2', 'web@3'],
    policy: { maxUnavailable: 1, maxSurge: 0, onFailure: 'stop' },
    surgeSpecs: [],
  });
  assert.equal(rolloutOf(WEB), undefined);
  assert.equal(rolloutOf(`${WEB}instances = 1\n`), undefined);
});

test('stand-ins are instances beyond the last, with its values and a name of their own', () => {
  const rollout = rolloutOf(`${WEB}instances = 2\nenv = { PORT = "\${8080 + instance}" }\n[services.web.rollout]
max_unavailable = 0\nmax_surge = 2\non_failure = "rollback"\n`);
  assert.deepEqual(rollout?.policy, { maxUnavailable: 0, maxSurge: 2, onFailure: 'rollback' });
  assert.deepEqual(
    rollout?.surgeSpecs.map(({ name, group, instance, launch }) => [name, group, instance, launch.env]),
    [
      ['web@3', 'web', 3, { PORT: '8083' }],
      ['web@4', 'web', 4, { PORT: '8084' }],
    ],
  );
});

test('a service without instances has a stand-in that is its second', () => {
  const { services, rollouts } = configOf(`${WEB}rollout = { max_surge = 1 }\n`);
  assert.deepEqual([...services.keys()], ['web']);
  assert.deepEqual(rollouts.get('web')?.members, ['web']);
  assert.deepEqual(
    rollouts.get('web')?.surgeSpecs.map(({ name }) => name),
    ['web@2'],
  );
});

test('numbers with which nothing could be replaced are refused, with their place', () => {
  const at = (line: number, key: string) => `config.toml:${line} services.web.${key}`;
  assertOnly(
    problemsOf(`${WEB}instances = 4\nrollout = { max_unavailable = 5 }\n`),
    at(4, 'rollout.max_unavailable'),
    /is more than there are to be: there are 4 instances; write 4 at most/,
  );
  assertOnly(
    problemsOf(`${WEB}rollout = { max_unavailable = 2 }\n`),
    at(3, 'rollout.max_unavailable'),
    /there is 1 instance; write 1 at most/,
  );
  assertOnly(
    problemsOf(`${WEB}instances = 4\nrollout = { max_unavailable = 0 }\n`),
    at(4, 'rollout.max_unavailable'),
    /max_surge is 0 too; write 1, or max_surge = 1/,
  );
  assertOnly(
    problemsOf(`${WEB}rollout = { on_failure = "retry" }\n`),
    at(3, 'rollout.on_failure'),
    /"stop", "rollback"|"stop" or "rollback"/,
  );
  assertOnly(
    problemsOf(`${WEB}type = "oneshot"\nrollout = { max_surge = 1 }\n`),
    at(4, 'rollout'),
    /a job is not rolled out/,
  );
  assertOnly(
    problemsOf(`${WEB}heartbeat = { timeout = "5s", file = "beat" }\nrollout = { max_surge = 1 }\n`),
    at(3, 'heartbeat.file'),
    /web@2, which stands in for it/,
  );
});

test('what [defaults] says of rollouts holds as far as a service can follow it', () => {
  const both = `[defaults]\nrollout = { max_unavailable = 2 }\n${WEB}instances = 4\n[services.job]\ncommand = "true"\ntype = "oneshot"\n[services.lone]\ncommand = "true"\n`;
  const { rollouts } = configOf(both);
  assert.deepEqual(
    [...rollouts].map(([name, { policy }]) => [name, policy.maxUnavailable]),
    [
      ['web', 2],
      ['lone', 1],
    ],
  );
  assert.deepEqual(load(both).warnings, []);
});

test('the plan of a reload says what is rolled, and a change of `rollout` itself changes no process', () => {
  const plan = (before: string, after: string) =>
    planReload(configOf(before), configOf(after)).map(({ service, kind }) => `${service} ${kind}`);
  const two = `${WEB}instances = 2\n`;
  assert.deepEqual(plan(two, `${two}nice = 5\n`), ['web@1 rolled', 'web@2 rolled']);
  assert.deepEqual(plan(WEB, `${WEB}nice = 5\n`), ['web restarted']);
  assert.deepEqual(plan(two, `${two}rollout = { max_surge = 1 }\n`), ['web@1 changed', 'web@2 changed']);
});
