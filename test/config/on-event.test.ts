// [[daemon.on_event]]: what becomes of it, what is wrong with it, and that nothing secret of it is shown.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  completeHooks,
  describeHook,
  idlePatterns,
  readHookSecrets,
  readHooks,
} from '../../src/config/values/on-event.ts';

function hooksOf(written: unknown, secrets: unknown = {}) {
  const hooks = readHooks(written);
  const more = readHookSecrets(secrets);
  assert.ok(hooks.ok && more.ok);
  return completeHooks(hooks.value, more.value);
}

function problemOf(written: unknown): string {
  const hooks = readHooks(written);
  assert.ok(!hooks.ok);
  return hooks.expected;
}

test('what is not said has a default', () => {
  const { hooks, mistakes } = hooksOf([{ when: ['failed'], exec: ['notify', 'ops'] }]);
  assert.deepEqual(mistakes, []);
  assert.deepEqual(hooks, [
    {
      name: 'hook-1',
      when: ['failed'],
      services: ['*'],
      timeout: 10_000,
      target: { kind: 'exec', command: ['notify', 'ops'] },
    },
  ]);
});

test('env.toml adds the address and the headers of a hook by its name, and wins', () => {
  const { hooks } = hooksOf(
    [
      {
        name: 'pager',
        when: ['failed'],
        webhook: 'https://old.example/',
        headers: { 'X-Team': 'ops', Authorization: 'no' },
      },
    ],
    { pager: { webhook: 'https://pager.example/T0/s3cret', headers: { Authorization: 'Bearer s3cret' } } },
  );
  const [hook] = hooks;
  assert.ok(hook);
  assert.deepEqual(hook.target, {
    kind: 'webhook',
    url: 'https://pager.example/T0/s3cret',
    headers: { 'X-Team': 'ops', Authorization: 'Bearer s3cret' },
  });
  assert.equal(describeHook(hook), 'pager: failed of *: POST https://pager.example/… (10s)');
});

test('a header may be called __proto__', () => {
  const headers = Object.fromEntries([['__proto__', 'x']]);
  const { hooks } = hooksOf([{ name: 'a', when: ['failed'], webhook: 'https://x.example/' }], { a: { headers } });
  const target = hooks[0]?.target;
  assert.deepEqual(target?.kind === 'webhook' && Object.entries(target.headers), [['__proto__', 'x']]);
});

test('what is wrong is told with the hook and the key, and without the values', () => {
  assert.match(problemOf({}), /each a table: \[\[daemon\.on_event\]\]/);
  assert.match(
    problemOf([{ when: ['faild'], exec: ['x'] }]),
    /hook 1: when: of recovered, unhealthy, healthy, stopped, waiting/,
  );
  assert.match(problemOf([{ when: ['failed'], exec: 'notify me' }]), /hook 1: exec: a list of strings/);
  assert.match(
    problemOf([{ when: ['failed'], wehook: 'https://x' }]),
    /hook 1: no key "wehook"; did you mean "webhook"/,
  );
  assert.match(problemOf([{ when: ['failed'], webhook: 'ftp://s3cret' }]), /^(?!.*s3cret).*https:\/\/ or http:\/\//);
  assert.match(problemOf([{ when: ['failed'], webhook: 'https://x', timeout: 5 }]), /timeout: a duration/);
  assert.match(problemOf([{ when: ['failed'], webhook: 'https://x', headers: { A: 's3\r\ncret' } }]), /headers: /);
  assert.match(
    problemOf([
      { name: 'a', when: ['failed'], exec: ['x'] },
      { name: 'a', when: ['failed'], exec: ['x'] },
    ]),
    /two are called "a"/,
  );
  assert.match(problemOf(Array.from({ length: 33 }, () => ({}))), /at most 32/);
});

test('a hook needs one receiver; secrets need a hook', () => {
  const both = { exec: ['x'], webhook: 'https://x' };
  const { hooks, mistakes } = hooksOf([{ when: ['failed'] }, { when: ['failed'], ...both }], { pagr: {} });
  assert.deepEqual(hooks, []);
  assert.deepEqual(
    mistakes.map(({ key }) => key),
    ['on_event_secrets', 'on_event', 'on_event'],
  );
  assert.match(mistakes[1]?.message ?? '', /hook-1 needs either exec or webhook, and has neither/);
  assert.match(mistakes[2]?.message ?? '', /hook-2 needs either exec or webhook, and has both/);
});

test('a pattern that no service fits is told', () => {
  const { hooks } = hooksOf([{ when: ['failed'], services: ['web*', 'wbe'], exec: ['x'] }]);
  assert.deepEqual(idlePatterns(hooks, ['web-1', 'db']), ['no service fits "wbe" of hook-1; correct it']);
  const all = hooksOf([{ when: ['failed'], services: ['web', 'd?'], exec: ['x'] }]).hooks;
  assert.deepEqual(idlePatterns(all, ['web@1', 'db@2']), [], 'a name means all instances');
});
