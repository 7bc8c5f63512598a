// Words of the configuration that have a form of their own: what is accepted, at the borders too, and what is said of the rest.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPONENTS, parseLogLevel } from '../../src/config/values/log-level.ts';
import { readTags } from '../../src/config/values/tag.ts';

test('a log level is a word, or a filter of as many parts as anybody can mean', () => {
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
  const filters = ['info,heartbeat=debug', ' info , http = warn ', ...COMPONENTS.map((name) => `${name}=debug`)];
  for (const input of [...levels, ...filters]) assert.ok(parseLogLevel(input).ok, input);
  const read = (text: string) => {
    const reading = parseLogLevel(text);
    return reading.ok && [reading.value.text, reading.value.level, Object.fromEntries(reading.value.components)];
  };
  assert.deepEqual(read('warn'), ['warn', 'warn', {}]);
  assert.deepEqual(read('heartbeat=debug'), ['heartbeat=debug', 'info', { heartbeat: 'debug' }]);
  assert.deepEqual(read(' error , http = warn '), [' error , http = warn ', 'error', { http: 'warn' }]);
  const parts = (count: number) => Array.from({ length: count }, () => 'info').join(',');
  assert.ok(parseLogLevel(parts(50)).ok);
  const tooMany = parseLogLevel(parts(51));
  assert.ok(!tooMany.ok);
  assert.equal(tooMany.expected, 'a filter of at most 50 parts');
});

test('what is no log level is told with the word that was meant, or with all there are', () => {
  const hintOf = (input: unknown) => {
    const reading = parseLogLevel(input);
    assert.ok(!reading.ok, `${input}`);
    return reading.hint;
  };
  assert.equal(hintOf('inof'), 'did you mean "info"?');
  assert.equal(hintOf('loud'), 'the levels are trace, debug, info, warn, error, fatal, silent');
  assert.match(hintOf('heartbeet=debug') ?? '', /^did you mean "heartbeat"\?; the components are output, /);
  assert.match(hintOf('kernel=debug') ?? '', /^opsd has no component "kernel"; the components are /);
  assert.equal(hintOf(3), undefined);
  for (const input of ['', 'info,', 'info,,', '=debug', ' =debug', 'http=info=debug', 'info,heartbeat=loud'])
    hintOf(input);
});

test('tags are words of at most 64 letters, each counted once; a + is told to be of commands', () => {
  const longest = `a${'b'.repeat(63)}`;
  assert.deepEqual(readTags(['edge', 'a.b_c-d', '1', longest, 'edge']), {
    ok: true,
    value: ['edge', 'a.b_c-d', '1', longest],
  });
  assert.deepEqual(readTags([]), { ok: true, value: [] });
  const hintOf = (input: unknown) => {
    const reading = readTags(input);
    assert.ok(!reading.ok);
    return reading.hint;
  };
  assert.equal(hintOf(['+edge']), 'the + belongs to commands only');
  for (const input of [['two words'], ['-edge'], [`${longest}b`], [3], ['edge+']]) assert.equal(hintOf(input), '');
  assert.equal(hintOf('edge'), undefined);
});
