// A book: a text file that lists what the code does in many cases, written by UPDATE=1 and compared entry by entry.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

export interface Entry {
  readonly title: string;
  /** What stands below its title; no line of it is empty. */
  tell(): string;
}

/** A test for each entry, and one that all are there. A review sees what changes in the book. */
export function testBook(path: string, entries: readonly Entry[]): void {
  if (process.env.UPDATE === '1') {
    writeFileSync(path, entries.map(({ title, tell }) => `${title}\n${tell()}\n`).join('\n'));
  }
  const written = new Map(
    readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n\n')
      .map((entry) => [entry.replace(/\n[\s\S]*/, ''), entry.replace(/^.*\n/, '')]),
  );
  test('the book has every entry, and no other (UPDATE=1 writes it)', () => {
    assert.deepEqual(
      [...written.keys()],
      entries.map(({ title }) => title),
    );
  });
  for (const { title, tell } of entries) test(title, () => assert.equal(tell(), written.get(title)));
}
