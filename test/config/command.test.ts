// Commands: lists as they are, strings split as a shell splits them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { readCommand, splitCommand } from '../../src/config/values/command.ts';

test('a string is split at blanks; quotes and backslashes join', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['node server.js', ['node', 'server.js']],
    ['  a \t b  ', ['a', 'b']],
    [`sh -c 'echo $HOME | tee x'`, ['sh', '-c', 'echo $HOME | tee x']],
    [`a "b c" d`, ['a', 'b c', 'd']],
    [`a "b\\"c\\\\d\\n"`, ['a', 'b"c\\d\\n']],
    [`a b\\ c`, ['a', 'b c']],
    [`--x='1 2'"3 4"5`, ['--x=1 23 45']],
    [`a '' ""`, ['a', '', '']],
    ['a \\\n b', ['a', 'b']],
    ['a#b', ['a#b']],
    [`curl 'http://x/?a=b'`, ['curl', 'http://x/?a=b']],
    ['find . -exec rm {} +', ['find', '.', '-exec', 'rm', '{}', '+']],
    ['[ -f x ]', ['[', '-f', 'x', ']']],
    ['git log HEAD~1 a[]', ['git', 'log', 'HEAD~1', 'a[]']],
    ['env PORT=3000 node server.js', ['env', 'PORT=3000', 'node', 'server.js']],
    ['./a=b x=1', ['./a=b', 'x=1']],
    ['\nnode x\n', ['node', 'x']],
    [`echo "\\$x"`, ['echo', '$x']],
  ];
  for (const [line, words] of rows) assert.deepEqual(splitCommand(line), { ok: true, value: words }, line);
});

test('what only a shell would act on is an error that says to write one', () => {
  for (const char of ['|', '&', ';', '<', '>', '$', '`', '*', '?', '(', ')']) {
    const reading = splitCommand(`a b${char}c`);
    assert.ok(!reading.ok, char);
    assert.ok(reading.expected.includes(`unquoted ${char}`));
    assert.match(reading.hint ?? '', /\["sh", "-c", "…"\]/);
    assert.ok(splitCommand(`a 'b${char}c'`).ok, `${char} in quotes`);
    assert.ok(splitCommand(`a b\\${char}c`).ok, `${char} after a backslash`);
  }
  assert.ok(!splitCommand('a\nb').ok);
  assert.ok(!splitCommand('a # b').ok);
});

test('a pattern or a home that only a shell puts in gets the same answer', () => {
  const rows = [
    ['ls {a,b}', '{a,b}'],
    ['ls x{1..3}y', '{a,b}'],
    ['ls {"a",b}', '{a,b}'],
    ['ls [x]', '[x]'],
    ['ls [a-z]*', '[x]'],
    ['ls log["12"]', '[x]'],
    ['~/bin/x', '~'],
    ['~web/bin/x --flag', '~'],
    ['ls ~', '~'],
    ['node server.js?', '?'],
  ];
  for (const [line = '', found = ''] of rows) {
    const reading = splitCommand(line);
    assert.ok(!reading.ok, line);
    assert.ok(reading.expected.includes(`unquoted ${found}`), `${line}: ${reading.expected}`);
    assert.match(reading.hint ?? '', /no shell runs: .*\["sh", "-c", "…"\]/);
  }
  for (const line of [`ls '{a,b}'`, `ls \\{a,b}`, `ls "[x]"`, `ls \\[x]`, `'~/bin/x'`, 'a\\?', 'ls {a-b}', 'ls a,b']) {
    assert.ok(splitCommand(line).ok, line);
  }
});

test('a variable in front of the program is told where it belongs', () => {
  for (const input of [
    'PORT=3000 node server.js',
    `GREETING='a b' _X=1 node`,
    'A=',
    ['PORT=3000', 'node', 'server.js'],
  ]) {
    const reading = readCommand(input);
    assert.ok(!reading.ok, JSON.stringify(input));
    assert.match(reading.hint ?? '', /env = \{ PORT = "3000" \}/);
  }
  for (const input of ['"PORT"=3000 node', ['./PORT=3000'], ['3=4'], ['node', 'A=1']]) {
    assert.ok(readCommand(input).ok, JSON.stringify(input));
  }
  const home = readCommand(['~/bin/x']);
  assert.ok(!home.ok && home.expected.includes('~'));
});

test('an open quote, or a backslash at the end, is an error', () => {
  for (const line of [`a 'b`, `a "b`, `a "b\\"`, 'a \\']) assert.ok(!splitCommand(line).ok, line);
});

test('words that were quoted come back as they were', () => {
  const quote = fc.constantFrom(
    (word: string) => `'${word.replaceAll("'", `'\\''`)}'`,
    (word: string) => `"${word.replace(/["\\$`]/g, '\\$&')}"`,
  );
  const word = fc.string({
    unit: fc.constantFrom('a', ' ', '"', "'", '\\', '$', '|', '\n', 'é', '*', '#'),
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(word, quote), { minLength: 1 }), (pairs) => {
      const line = pairs.map(([text, put]) => put(text)).join(' ');
      assert.deepEqual(splitCommand(line), { ok: true, value: pairs.map(([text]) => text) });
    }),
  );
});

test('whatever is accepted is split as sh splits it', () => {
  const line = fc.string({ unit: fc.constantFrom('a', 'b', ' ', "'", '"', '\\', '=', '-', '.'), maxLength: 12 });
  const cases: { line: string; words: readonly string[] }[] = [];
  fc.assert(
    fc.property(line, (text) => {
      const reading = splitCommand(text);
      if (reading.ok && cases.length < 40) cases.push({ line: text.trim(), words: reading.value });
    }),
    { seed: 7, numRuns: 300 },
  );
  assert.ok(cases.length > 20);
  const script = cases.map((one) => `printf '%s\\001' ${one.line}\nprintf '\\002'`).join('\n');
  const output = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
  const found = output.split('\u0002').slice(0, -1);
  assert.equal(found.length, cases.length);
  for (const [index, { line: text, words }] of cases.entries()) {
    // printf prints its format once even where there is no argument.
    const expected = words.length === 0 ? '\u0001' : words.map((word) => `${word}\u0001`).join('');
    assert.equal(found[index], expected, text);
  }
});

test('a command is a list of strings, or one string, and not empty', () => {
  assert.deepEqual(readCommand(['a', 'b c', '']), { ok: true, value: ['a', 'b c', ''] });
  for (const input of [[], [''], '', '  ', "''", ['a', 1], 7, null, {}])
    assert.ok(!readCommand(input).ok, JSON.stringify(input));
  assert.ok(!readCommand(['a', 'x'.repeat(131_072)]).ok, 'longer than the kernel takes');
  assert.ok(readCommand(['a', 'x'.repeat(131_071)]).ok);
});
