// Files of NAME=value lines.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseEnvFile } from '../../src/config/source/env-file.ts';

const values = (text: string) => parseEnvFile(text).variables.map(({ name, value }) => [name, value]);

test('each line is a variable, a comment, or empty', () => {
  const text = `# comment
A=1
 B = two words # and a comment
export C='a # b'
D="x\\ny \\"z\\""

E=
F=a=b\r
`;
  assert.deepEqual(values(text), [
    ['A', '1'],
    ['B', 'two words'],
    ['C', 'a # b'],
    ['D', 'x\\ny "z"'],
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

test('a name of any length is cut in what is said of it', () => {
  const { mistakes } = parseEnvFile(`${'N'.repeat(1000)}="x`);
  assert.deepEqual(mistakes, [{ line: 1, message: `the value of ${'N'.repeat(63)}… has no closing "` }]);
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
    'A="x\n'.repeat(MB / 5),
    'A=\'x\nB="y\n'.repeat(MB / 10),
    `A=${'x\\\n'.repeat(MB / 3)}`,
    `A=${'#'.repeat(MB)}`,
    `A=${'\\'.repeat(MB)}`,
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
      const escaped = value.replace(/["\\]/g, '\\$&');
      assert.deepEqual(values(`A="${escaped}"`), [['A', value.replaceAll('\r\n', '\n')]]);
    }),
  );
});

/** What bash makes of the variables of a file that it sources. */
function byShell(text: string): Map<string, string> {
  const script = 'set -a; . <(cat); env -0';
  const shown = execFileSync('bash', ['--norc', '-c', script], { input: text, env: { PATH: process.env.PATH } });
  const pairs = shown
    .toString()
    .split('\0')
    .filter((pair) => pair.includes('='));
  return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/** Lines that systemd, Compose, dotenv or a shell are given, with what opsd takes; the shell takes the same. */
const LIKE_A_SHELL: readonly (readonly [what: string, source: string, value: string])[] = [
  ['a backslash that escapes nothing, in double quotes', String.raw`"^\d+$"`, String.raw`^\d+$`],
  ['another', String.raw`"C:\dir\n\t"`, String.raw`C:\dir\n\t`],
  ['what POSIX escapes', '"\\"\\\\\\$\\`"', '"\\$`'],
  ['a comment behind a value', 'value # comment', 'value'],
  ['a comment behind a tab', 'value\t#comment', 'value'],
  ['a # within a word is none', 'a#b', 'a#b'],
  ['nor at its start', '#a', '#a'],
  ['nothing but a comment', ' # comment', ''],
  ['a comment behind double quotes', '"a # b" # it\'s "quoted"', 'a # b'],
  ['a comment behind single quotes', "'a # b'  # comment", 'a # b'],
  ['double quotes over several lines', '"one\n# two\n three"', 'one\n# two\n three'],
  ['single quotes over several lines', '\'one\nA="2"\n\'', 'one\nA="2"\n'],
  ['a backslash at the end of a line', 'one\\\ntwo', 'onetwo'],
  ['in double quotes', '"one \\\n  two"', 'one   two'],
  ['in single quotes', "'one\\\ntwo'", 'one\\\ntwo'],
  ['several', 'one\\\n-two\\\n-three # comment', 'one-two-three'],
  ['single quotes are literal', "'\\n\\\"$HOME'", '\\n\\"$HOME'],
];

for (const [what, source, value] of LIKE_A_SHELL) {
  test(`as a shell reads it: ${what}`, () => {
    const text = `BEFORE=1\nA=${source}\nAFTER='2'\n`;
    const { variables, mistakes } = parseEnvFile(text);
    assert.deepEqual(mistakes, []);
    assert.deepEqual(
      variables.map((variable) => [variable.name, variable.value]),
      [
        ['BEFORE', '1'],
        ['A', value],
        ['AFTER', '2'],
      ],
    );
    assert.equal(byShell(text).get('A'), value);
    assert.equal(variables[2]?.line, text.split('\n').length - 1);
  });
}

test('random values in quotes are what a shell reads', () => {
  const part = fc.constantFrom('a', 'é', ' ', '#', '\\', '\\"', '\\$', '\\\\', '\n', '=', 'x y', '\t', '\\n', "it's");
  const inDouble = fc.array(part, { maxLength: 8 }).map((parts) => `"${parts.join('')}"`);
  const inSingle = fc.array(part, { maxLength: 8 }).map((parts) => `'${parts.join('').replaceAll("'", '')}'`);
  const bare = fc.stringMatching(/^[a-z0-9#/:.,=-]{0,9}$/);
  const comment = fc.constantFrom('', ' # comment', '\t#"', ' ');
  const line = fc.tuple(fc.oneof(inDouble, inSingle, bare), comment).map(([value, rest]) => `${value}${rest}`);
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 30 }), (lines) => {
      const text = lines.map((source, place) => `V${place}=${source}\n`).join('');
      const { variables, mistakes } = parseEnvFile(text);
      // A backslash in front of the closing quote may leave it open: a shell refuses the whole file then.
      fc.pre(mistakes.length === 0);
      const shell = byShell(text);
      for (const { name, value } of variables) assert.equal(value, shell.get(name), text);
    }),
    { numRuns: 60 },
  );
});

/** Each with the first words of what check says, and who reads it otherwise. */
const DOUBTFUL: readonly (readonly [text: string, told: RegExp])[] = [
  ['A=1 # c', /systemd takes the # behind a value/],
  ['A="1" # c', /systemd takes the # behind a value/],
  ['A=a#b', /dotenv ends a value without quotes/],
  ['A=one\\\ntwo', /Compose and dotenv do not join/],
  ['A="one\\\ntwo"', /Compose and dotenv keep a backslash at the end/],
  ['A=^\\d+$', /systemd and shells drop a backslash/],
  ['A="x\\ny"', /Compose and dotenv make a line break/],
  ['A="x\\"y"', /dotenv keeps the backslash/],
  ['A=$HOME/x', /Compose and shells put a variable in/],
  [`A="$${'{HOME}'}"`, /Compose and shells put a variable in/],
  ['A=`x`', /dotenv takes ` for a quote/],
  ["A='C:\\'", /Compose and dotenv take/],
  ['export A=1', /systemd ignores a line that begins with export/],
  ['my.name=1', /systemd and shells take letters/],
  [';A=1', /only systemd/],
  ['# comment \\', /systemd takes the next line/],
];

for (const [text, told] of DOUBTFUL) {
  test(`what others read otherwise is told: ${JSON.stringify(text)}`, () => {
    const { doubts, mistakes } = parseEnvFile(`X=1\n${text}\n`);
    assert.deepEqual(mistakes, []);
    assert.deepEqual(
      doubts.map(({ line }) => line),
      [2],
    );
    assert.match(doubts[0]?.message ?? '', told);
  });
}

test('where all agree nothing is told, and each kind of doubt is told once', () => {
  const agreed = `# comment\nA=1\nB=two words\nC="a b"\nD='a # b'\nE="one\ntwo"\nF='one\ntwo'\nG=\nH=a=b\nI=it's\nJ="^\\d+$"\n`;
  assert.deepEqual(parseEnvFile(agreed).doubts, []);
  assert.equal(parseEnvFile('A=1 # c\n'.repeat(300)).doubts.length, 1);
});

test('text behind a closing quote, and a quote that never closes, are mistakes of the line where they begin', () => {
  for (const text of ['A="x"y', "A='it's", 'A="x" "y"', "A='x'#y", 'A="x\nB=1']) {
    const { mistakes } = parseEnvFile(`X=1\n${text}\nZ=1\n`);
    assert.equal(mistakes[0]?.line, 2, text);
  }
});
