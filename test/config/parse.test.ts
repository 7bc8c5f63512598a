// TOML with the line of every key, and what is said of text that is not TOML.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDocument, parseValue } from '../../src/config/source/parse.ts';
import { keyPath, type Node } from '../../src/config/source/tree.ts';

test('every key knows its line, however it is written', () => {
  const text = `include = ["a",
  "b"]

[services.web]   # comment
command = """
a ] } # no comment
b"""
env = { A = "1", "B c" = '2' }
backoff.initial = "1s"
"quo\\u0041ted" = 1
args = [ # comment
  "a", [1, 2],
  { x = 1 },
]
last = true
[[list]]
a = 1
[[list]]
a = 2
[services."x y"]
cwd = 'C:\\n'
`;
  assert.deepEqual(linesOf(text), {
    include: 1,
    services: 4,
    'services.web': 4,
    'services.web.command': 5,
    'services.web.env': 8,
    'services.web.env.A': 8,
    'services.web.env."B c"': 8,
    'services.web.backoff': 9,
    'services.web.backoff.initial': 9,
    'services.web.quoAted': 10,
    'services.web.args': 11,
    'services.web.last': 15,
    list: 16,
    'services."x y"': 20,
    'services."x y".cwd': 21,
  });
});

test('any text that is TOML has the lines that it was written in', () => {
  const name = fc.stringMatching(/^[a-z]{1,4}$/);
  const value = fc.oneof(
    fc.constantFrom(
      '1',
      'true',
      '2020-01-01',
      '-1.5e3',
      '[ 1,\n# ]\n2 ]',
      "'''\n'a''\n'''",
      '"""\\"""\n"""',
      '""',
      "''",
    ),
    fc.string().map((text) => JSON.stringify(text.replace(/[\u007f\ud800-\udfff]/g, ''))),
    fc.array(fc.integer()).map((list) => `[${list.join(', ')}]`),
    name.map((key) => `{ ${key} = "}" }`),
  );
  const gap = fc.constantFrom('', '\n', '# a = 1\n', '  \n\n');
  const pairs = fc.uniqueArray(fc.tuple(name, value, gap), { selector: ([key]) => key, maxLength: 6 });
  const tables = fc.uniqueArray(fc.tuple(name, pairs, gap), { selector: ([key]) => key, maxLength: 4 });
  fc.assert(
    fc.property(tables, (all) => {
      let text = '';
      const expected = new Map<string, number>();
      const lineNow = () => text.split('\n').length;
      for (const [table, entries, after] of all) {
        expected.set(table, lineNow());
        text += `[${table}]${after === '' ? '' : ' # x'}\n${after}`;
        for (const [key, written, behind] of entries) {
          expected.set(`${table}.${key}`, lineNow());
          text += `${key} = ${written}\n${behind}`;
        }
      }
      const found = linesOf(text);
      for (const [key, line] of expected) assert.equal(found[key], line, `${key} in\n${text}`);
    }),
  );
});

test('a mistake in the syntax is told with its line, its key and what to do', () => {
  const rows: readonly (readonly [text: string, line: number, key: string, message: RegExp])[] = [
    ['[a]\nt = 30s', 2, 'a.t', /numeric.*quotes/],
    ['a = "x\n', 1, 'a', /closing quote/],
    ['a = [1,', 1, 'a', /unfinished array.*closing \]/],
    ['a = 022', 1, 'a', /leading zero.*"0640"/],
    ['a = {b = 1', 1, 'a.b', /bracket/],
    ['a = 1\nnonsense\n', 2, '', /`key = value`/],
    ['[a\n', 1, '', /not TOML/],
    ['a = 1 b = 2', 1, 'a', /one key a line/],
    ['a = yes', 1, 'a', /quotes/],
    ['\n\na = 99999999999999999999', 3, 'a', /losslessly/],
  ];
  for (const [text, line, key, message] of rows) {
    const document = parseDocument(text, 'f.toml', false);
    assert.ok(!document.ok, text);
    assert.deepEqual(
      [document.problem.where, document.problem.line, document.problem.key],
      ['f.toml', line, key],
      text,
    );
    assert.match(document.problem.message, message);
  }
});

test('what is written twice is told with both lines', () => {
  const rows: readonly (readonly [text: string, line: number, key: string, first: number])[] = [
    ['[services.web]\na = 1\n[services.web]\n', 3, 'services.web', 1],
    ['[a]\nx = 1\n\nx = 2', 4, 'a.x', 2],
    ['a = 1\n"a" = 2', 2, 'a', 1],
    ['[[a]]\nx = 1\n[[a]]\nx = 2\nx = 3', 5, 'a.x', 4],
  ];
  for (const [text, line, key, first] of rows) {
    const document = parseDocument(text, 'f', false);
    assert.ok(!document.ok);
    assert.deepEqual([document.problem.line, document.problem.key], [line, key]);
    assert.match(document.problem.message, new RegExp(`written twice.*line ${first};`));
  }
});

test('tables of a list may have the same keys', () => {
  assert.ok(parseDocument('[[a]]\nx = 1\n[a.b]\ny = 1\n[[a]]\nx = 2\n[a.b]\ny = 2\n', 'f', false).ok);
});

test('no text brings the reader down, and what it says of one never quotes it', () => {
  const text = fc.string({ unit: fc.constantFrom(...'a1=[]{}".\'\\\n#, -'), maxLength: 60 });
  fc.assert(
    fc.property(text, (body) => {
      const document = parseDocument(`hunter2 = "hunter2"\n${body}`, 'f', true);
      assert.ok(document.ok || !document.problem.message.includes('hunter2'));
    }),
    { numRuns: 1000 },
  );
  const long = `a = """${'x"\\\\'.repeat(500_000)}"""\n${'# \n'.repeat(100_000)}b = 1`;
  assert.equal(linesOf(long).b, 100_002);
});

test('a byte order mark and Windows line ends are no mistakes', () => {
  assert.deepEqual(linesOf('\ufeffa = 1\r\nb = 2\r\n'), { a: 1, b: 2 });
});

test('the value of a variable is TOML where it parses, else text', () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ['5s', '5s'],
    ['5', 5],
    ['true', true],
    ['"5"', '5'],
    ['["a", "b"]', ['a', 'b']],
    ['', ''],
    ['127.0.0.1:9700', '127.0.0.1:9700'],
    ['1\nother = 2', '1\nother = 2'],
    ['[', '['],
    ['# x', '# x'],
  ];
  for (const [text, value] of rows) assert.deepEqual(parseValue(text), value, text);
  fc.assert(fc.property(fc.string(), (text) => assert.ok(parseValue(text) !== undefined)));
});

function linesOf(text: string): Record<string, number | null> {
  const document = parseDocument(text, 'f', false);
  assert.ok(document.ok, document.ok ? '' : `${document.problem.message}\n${text}`);
  const lines: Record<string, number | null> = {};
  const visit = (node: Node, path: readonly string[]) => {
    if (path.length > 0) lines[keyPath(path)] = node.origin.line;
    if (node.kind === 'table') for (const [key, child] of node.entries) visit(child, [...path, key]);
  };
  visit(document.table, []);
  return lines;
}

test('keys of many parts nest no deeper than values do', () => {
  const deep = Array.from({ length: 10_000 }, () => 'x').join('.');
  for (const text of [`a = 1\n${deep} = 1\n`, `a = 1\nx = [{ ${deep} = 1 }]\n`]) {
    const read = parseDocument(text, 'config.toml', false);
    assert.deepEqual(read, {
      ok: false,
      where: 'config.toml',
      problem: { where: 'config.toml', line: 2, key: 'x', message: 'nests deeper than 64 levels' },
    });
  }
  const value = `{ ${deep} = 1 }`;
  assert.equal(parseValue(value), value);
});
