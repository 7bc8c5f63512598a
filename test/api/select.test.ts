// Which services a name, a glob, a tag or `all` means.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { select, whyTooMuch } from '../../src/api/select.ts';

const NAMES = ['web', 'web-2', 'db', 'mail.queue'];
const of = (name: string, tags: readonly string[] = [], rollout: { turn: string } | null = null) => ({
  name,
  tags,
  rollout,
});
const SERVICES = NAMES.map((name) => of(name, name.startsWith('web') ? ['edge', 'node'] : ['core']));

test('names, globs and all, each once, in the order of the configuration', () => {
  const rows: [string[], string[]][] = [
    [
      ['db', 'web'],
      ['web', 'db'],
    ],
    [['web*'], ['web', 'web-2']],
    [
      ['web?2', 'web*', 'web-2'],
      ['web', 'web-2'],
    ],
    [['*'], NAMES],
    [['*.*'], ['mail.queue']],
    [['all', 'db'], NAMES],
    [['?b'], ['db']],
    [[], []],
  ];
  for (const [patterns, names] of rows)
    assert.deepEqual(select(SERVICES, patterns), { names, unknown: [] }, patterns.join());
});

test('what matches nothing is told, with what was probably meant', () => {
  assert.deepEqual(select(SERVICES, ['wbe', 'x*', 'zzzzzz']).unknown, [
    "there is no service 'wbe'; did you mean 'web'?",
    "no service matches 'x*'",
    "there is no service 'zzzzzz'",
  ]);
  assert.deepEqual(select(SERVICES, ['x*', 'zzzzzz']).unknown, [
    "no service matches 'x*'",
    "there is no service 'zzzzzz'; see them all with: opsd ctl status",
  ]);
});

test('a tag means all that have it', () => {
  assert.deepEqual(select(SERVICES, ['+edge', 'db']).names, ['web', 'web-2', 'db']);
  assert.deepEqual(select(SERVICES, ['+edgy', '+zzzzzz']).unknown, [
    "no service has the tag 'edgy'; did you mean '+edge'?",
    "no service has the tag 'zzzzzz'",
  ]);
  assert.deepEqual(select(SERVICES, ['+zzzzzz']).unknown, [
    'no service has the tag \'zzzzzz\'; tags are in the configuration: tags = ["edge"]',
  ]);
});

test('the name of a service with instances means all of them', () => {
  const services = ['lb', 'web@1', 'web@2', 'web@10', 'webs'].map((name) =>
    of(name, name.includes('@') ? ['edge'] : []),
  );
  const all = ['web@1', 'web@2', 'web@10'];
  const rows: [string[], string[]][] = [
    [['web'], all],
    [['web@2'], ['web@2']],
    [['web@2', 'web'], all],
    [['web@*'], all],
    [['web@?'], ['web@1', 'web@2']],
    [['+edge'], all],
  ];
  for (const [patterns, names] of rows)
    assert.deepEqual(select(services, patterns), { names, unknown: [] }, patterns.join());
  const standIn = of('web@2', [], { turn: 'stands in' });
  assert.deepEqual(select([of('web'), standIn], ['web']).names, ['web']);
  assert.deepEqual(select([of('web'), standIn], ['web@2', 'web']).names, ['web', 'web@2']);
  // It was alone until the file said `instances`, and is on its way down.
  assert.deepEqual(select([of('web'), ...services], ['web']).names, all);
});

test('an instance that there is not is told with what there is', () => {
  const services = ['lb', 'api@1', 'web@1', 'web@2', 'web@3', 'web@4'].map((name) => of(name));
  const asked = ['web@9', 'web@0', 'api@123456', 'lb@2', 'wbe', 'wbe@2', 'web@x'];
  const told = asked.flatMap((name) => select(services, [name]).unknown);
  assert.deepEqual(told, [
    "there is no service 'web@9', web has 4 instances; did you mean 'web@4'? For more of them: opsd ctl scale web 9",
    "there is no service 'web@0', web has 4 instances; did you mean 'web@4'?",
    "there is no service 'api@123456', api has one instance; did you mean 'api@1'?",
    "there is no service 'lb@2': lb has no instances; did you mean 'lb'?",
    "there is no service 'wbe'; did you mean 'web'?",
    "there is no service 'wbe@2'; did you mean 'web@2'?",
    "there is no service 'web@x'; did you mean 'web@1'?",
  ]);
});

test('of many names that there are not, one is looked for, and twenty are told', () => {
  const { unknown } = select(
    SERVICES,
    Array.from({ length: 1_000 }, (_, n) => `wbe${n}`),
  );
  assert.equal(unknown.length, 21);
  assert.equal(unknown[0], "there is no service 'wbe0'; see them all with: opsd ctl status");
  assert.equal(unknown[1], "there is no service 'wbe1'");
  assert.equal(unknown[20], 'and 980 more that do not exist');
});

test('more than a request may ask for is told with the limit', () => {
  const many = (count: number, pattern: string) => Array.from({ length: count }, (_, n) => `${pattern}${n}`);
  assert.equal(whyTooMuch(many(1_000, 'web')), null);
  assert.equal(whyTooMuch(many(1_001, 'web')), 'a request may name at most 1000 services, and this one names 1001');
  assert.equal(whyTooMuch(['x'.repeat(128), ...many(10, '*'), ...many(10, '+')]), null);
  assert.match(whyTooMuch(['x'.repeat(129)]) ?? '', /128 characters/);
  assert.match(whyTooMuch([...many(10, '?'), ...many(11, '+')]) ?? '', /20 globs and tags, and this one has 21/);
});

test('all of no services is none, and no error', () => {
  assert.deepEqual(select([], ['all']), { names: [], unknown: [] });
});

test('dots and brackets are no wildcards', () => {
  assert.deepEqual(select([of('mailXqueue')], ['mail.queue*']).names, []);
  assert.deepEqual(select([of('a')], ['[a]*']).names, []);
});

test('a glob that a regular expression would never finish is answered at once', () => {
  assert.deepEqual(select([of('a'.repeat(64))], [`${'*a'.repeat(200)}*b`]).names, []);
});

test('a glob means what the regular expression means', () => {
  const letters = fc.stringMatching(/^[ab]{0,8}$/);
  const glob = fc.stringMatching(/^[ab*?]{0,8}$/);
  fc.assert(
    fc.property(letters, glob, (name, pattern) => {
      fc.pre(/[*?]/.test(pattern));
      const same = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(name);
      assert.equal(select([of(name)], [pattern]).names.length, same ? 1 : 0);
    }),
  );
});

test('what a stranger sent cannot act on a terminal', () => {
  assert.doesNotMatch(select(SERVICES, ['\u001b[2J', `\u202e${'x'.repeat(500)}`]).unknown.join(''), /\p{Cc}|\p{Cf}/u);
});
