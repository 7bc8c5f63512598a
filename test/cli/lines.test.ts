// Lines and server-sent events out of text that comes in any pieces.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { linesOf, serverEventsOf } from '../../src/cli/client/lines.ts';

async function* pieces(text: string, cuts: readonly number[]): AsyncGenerator<string> {
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const place of [...places, text.length]) {
    yield text.slice(from, place);
    from = place;
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

test('however the text is cut, the lines are the same', async () => {
  const line = fc.string().map((text) => text.replaceAll('\n', ''));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (lines, cuts) => {
      const text = lines.map((each) => `${each}\n`).join('');
      assert.deepEqual(await all(linesOf(pieces(text, cuts))), lines);
    }),
  );
});

test('a last line without an end is a line, and one without end is given in pieces', async () => {
  assert.deepEqual(await all(linesOf(pieces('a\nb', []))), ['a', 'b']);
  const long = await all(linesOf(pieces('x'.repeat(5_000_000), [1_500_000, 3_000_000, 4_500_000])));
  assert.equal(long.join('').length, 5_000_000);
  assert.ok(long.every(({ length }) => length < 2_000_000));
});

test('events come with their names, comments and other fields do not', async () => {
  const text = 'retry: 1000\n\n:\n\nid: 1.2\nevent: state\ndata: {"a":1}\n\ndata: x\n\n';
  assert.deepEqual(await all(serverEventsOf(pieces(text, [3, 14, 15, 33]))), [
    { event: 'state', data: '{"a":1}' },
    { event: '', data: 'x' },
  ]);
});
