// How problems are kept and printed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Findings, formatProblems, headlineOf, oneLine } from '../../src/config/report/problems.ts';

const problem = (where: string, line: number | null, key: string, message: string) => ({ where, line, key, message });

test('problems stand in columns, file by file, from top to bottom', () => {
  const text = formatProblems([
    problem('cfg/config.toml', 12, 'services.web.command', 'expected a list of strings, got 3'),
    problem('OPSD__X', null, '', 'names no key'),
    problem('cfg/config.toml', 3, 'daemon.http', 'expected an address'),
  ]);
  assert.equal(
    text,
    [
      '  cfg/config.toml:3   daemon.http           expected an address',
      '  cfg/config.toml:12  services.web.command  expected a list of strings, got 3',
      '  OPSD__X                                   names no key',
    ].join('\n'),
  );
});

test('what stands above them names the file and counts them', () => {
  const one = problem('a.toml', 1, '', 'x');
  assert.equal(headlineOf('a.toml', [one]), 'cannot load a.toml: 1 problem');
  assert.equal(headlineOf('', [one, one]), "cannot load '': 2 problems");
});

test('in the log each is one line, whatever of its place is known', () => {
  assert.equal(oneLine(problem('a.toml', 3, 'daemon.http', 'is wrong')), 'a.toml:3 daemon.http: is wrong');
  assert.equal(oneLine(problem('none.toml', null, '', 'has no services')), 'none.toml: has no services');
});

test('one very long key does not push all messages away', () => {
  const [first = '', second = ''] = formatProblems([
    problem('f', 1, 'a', 'one'),
    problem('f', 2, 'k'.repeat(60), 'two'),
  ]).split('\n');
  assert.equal(first, '  f:1  a  one');
  assert.equal(second, `  f:2  ${'k'.repeat(60)}  two`);
});

test('nothing in a problem acts on a terminal', () => {
  const text = formatProblems([problem('f\u001b[31m', 1, 'a\u009b', 'x\r\n\u202ey')]);
  assert.equal(text, '  f\\u001b[31m:1  a\\u009b  x\\r\\n\\u202ey');
});

test('there is an end to what is printed and kept', () => {
  const many = Array.from({ length: 1500 }, (_, n) => problem('f', n, 'k', 'm'));
  assert.match(formatProblems(many), /… and 1300 more$/);
  const findings = new Findings();
  for (const one of many) findings.problem(one, one.message);
  assert.equal(findings.problems.length, 1000);
});

test('the same problem is kept once, a warning apart from it', () => {
  const findings = new Findings();
  const place = problem('f', 1, 'defaults.nice', '');
  findings.problem(place, 'm');
  findings.problem(place, 'm');
  findings.warning(place, 'w');
  assert.deepEqual([findings.problems.length, findings.warnings.length], [1, 1]);
});
