// Many texts that begin alike are found as fast as one, and what is found is what a comparison with each would find.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommonStart } from '../../src/text/common-start.ts';
import { SecretMasks, SHORTEST } from '../../src/text/masks.ts';

const START = 'aaaaaa';
const steps = () => ({ left: 1e9 });
/** Of two letters, so that prefixes are common, and one text lies within another. */
const letters = (maxLength: number) => fc.string({ unit: fc.constantFrom('a', 'b', '\uffff'), maxLength });

test('what stands at a place is what comparing each text finds, however they overlap', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(letters(12), { minLength: 1, maxLength: 30 }),
      letters(14),
      letters(5),
      (ends, rest, before) => {
        const texts = ends.map((end) => START + end);
        const text = before + START + rest;
        const here = START + rest;
        const found = new CommonStart([...texts], START.length).match(text, before.length, steps());
        const isCut = texts.some((each) => each.startsWith(here));
        const length = Math.max(0, ...texts.filter((each) => here.startsWith(each)).map((each) => each.length));
        assert.deepEqual(found, { length, isCut });
      },
    ),
    { numRuns: 2000 },
  );
});

/** Each secret is looked for at each place. Base64 of a and b has other letters, so that no other form is found. */
function naive(secrets: readonly string[], text: string): string {
  let hidden = '';
  let to = 0;
  for (let at = 0; at < text.length; at += 1) {
    const length = Math.max(0, ...secrets.filter((each) => text.startsWith(each, at)).map((each) => each.length));
    // What overlaps goes as one.
    if (length > 0 && at >= to) hidden += '[redacted]';
    if (length > 0) to = Math.max(to, at + length);
    if (at >= to) hidden += text.charAt(at);
  }
  return hidden;
}

test('secrets with common beginnings and overlaps are masked as one by one', () => {
  const two = (minLength: number, maxLength: number) =>
    fc.string({ unit: fc.constantFrom('a', 'b'), minLength, maxLength });
  fc.assert(
    fc.property(fc.uniqueArray(two(SHORTEST, 12), { minLength: 1, maxLength: 20 }), two(0, 60), (secrets, text) => {
      const masks = new SecretMasks(new Set(secrets));
      const expected = naive(secrets, text);
      assert.equal(masks.hide(text), expected);
      assert.equal(masks.finds(text), expected !== text);
    }),
    { numRuns: 1000 },
  );
});

test('thousands of secrets that differ at their end only, and a text made of their beginning, hold nobody up', () => {
  const beginning = 'a'.repeat(220);
  const masks = new SecretMasks(new Set(Array.from({ length: 3900 }, (_, index) => `${beginning}${index}`)));
  const before = process.cpuUsage();
  for (let round = 0; round < 10; round += 1) {
    assert.equal(masks.hide(`a ${'b'.repeat(40)} `), `a ${'b'.repeat(40)} `);
    masks.finds('a'.repeat(4000));
    masks.hide('a'.repeat(4000));
    masks.hideCut('a'.repeat(4000));
  }
  const { user } = process.cpuUsage(before);
  assert.ok(user < 3_000_000, `${user} µs of CPU`);
  assert.equal(masks.hide(`is ${beginning}1234, and ${beginning}x`), `is [redacted], and ${beginning}x`);
});

test('where a search would take too long, the rest of the text is masked unseen', () => {
  const masks = new SecretMasks(new Set([`${'a'.repeat(100_000)}b`]));
  const text = `yes ${'a'.repeat(50_000)}`;
  assert.match(masks.hide(text), /^yes a{1,99}\[redacted\]$/);
  assert.equal(masks.finds(text), true);
  assert.equal(masks.hideCut(text), 'yes [redacted]');
});
