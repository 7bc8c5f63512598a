// Files of NAME=value lines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseEnvFile } from '../../src/config/source/env-file.ts';

const values = (text: string) => parseEnvFile(text).variables.map(({ name, value }) => [name, value]);

test('each line is a variable, a comment, or empty', () => {
  const text = `# comment
A=1
 B = two words # and no comment
export C='a # b'
D="x\\ny \\"z\\""

E=
F=a=b\r
`;
  assert.deepEqual(values(text), [
    ['A', '1'],
    ['B', 'two words # and no comment'],
    ['C', 'a # b'],
    ['D', 'x\ny "z"'],
    ['E', ''],
    ['F', 'a=b'],
  ]);
});

test('what is none of these is a mistake with its line, without its value', () => {
  const { mistakes } = parseEnvFile(`A=1\nnonsense\nB='hunter2\nC="hunter2" x\n=hunter2`);
  assert.deepEqual(
    mistakes.map(({ line }) => line),
    [2, 3, 4, 5],
  );
  assert.ok(!JSON.stringify(mistakes).includes('hunter2'));
});

test('a file never has more variables than a program can be given', () => {
  const { variables, mistakes } = parseEnvFile('A=1\n'.repeat(5000));
  assert.equal(variables.length, 4096);
  assert.match(mistakes[0]?.message ?? '', /more than 4096/);
});

test('of a file that is none only the first mistakes are told', () => {
  const { variables, mistakes } = parseEnvFile('no\n'.repeat(300_000));
  assert.deepEqual([variables.length, mistakes.length, mistakes.at(-1)?.line], [0, 101, 101]);
});

test('a megabyte of anything is read in a moment', () => {
  const MB = 2 ** 20;
  const texts = [
    `A="${'\\x'.repeat(MB / 2)}"`,
    `A="${'x'.repeat(MB)}`,
    '\n'.repeat(MB),
    'A'.repeat(MB),
    `A${' '.repeat(MB)}B`,
    'A=\n'.repeat(MB / 3),
  ];
  for (const text of texts) {
    const before = process.threadCpuUsage();
    parseEnvFile(text);
    const { user, system } = process.threadCpuUsage(before);
    assert.ok(user + system < 250_000, `${(user + system) / 1_000} ms for ${JSON.stringify(text.slice(0, 20))}…`);
  }
});

test('a value in double quotes comes back as it was', () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const escaped = value.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
      assert.deepEqual(values(`A="${escaped}"`), [['A', value]]);
    }),
  );
});
