// What each key takes, and what is told of all else, is as the catalogue beside this file has it.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { entries } from './values-by-key.ts';

const CATALOGUE = join(import.meta.dirname, 'values-by-key.txt');

const all = entries();
if (process.env.UPDATE === '1') {
  writeFileSync(CATALOGUE, all.map(({ path, tell }) => `${path}\n${tell()}`).join('\n'));
}
const written = new Map(
  readFileSync(CATALOGUE, 'utf8')
    .split('\n\n')
    .map((entry) => [entry.slice(0, entry.indexOf('\n')), `${entry.slice(entry.indexOf('\n') + 1).trimEnd()}\n`]),
);

test('every key is in the catalogue, in the order of the schema (UPDATE=1 writes the catalogue)', () => {
  assert.deepEqual(
    [...written.keys()],
    all.map(({ path }) => path),
  );
});

for (const { path, tell } of all)
  test(`${path} takes what the catalogue says`, () => assert.equal(tell(), written.get(path)));
