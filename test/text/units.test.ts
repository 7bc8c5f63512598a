// Durations, sizes and permission bits: as written, and as counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, formatMode, parseDuration, parseMode, parseSize } from '../../src/text/units.ts';

test('a duration is the sum of its parts', () => {
  const rows: readonly (readonly [string, number])[] = [
    ['100ms', 100],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['1.5s', 1500],
    ['0s', 0],
    ['0ms', 0],
    ['1h0m1s', 3_601_000],
  ];
  for (const [text, value] of rows) assert.deepEqual(parseDuration(text), { ok: true, value }, text);
});

test('what is no duration is refused, with what would be one', () => {
  for (const text of ['', '30', 's', '-5s', '5 s', '1m1h', '1s1s', '1e3s', '5y', 'soon', '30S', '١s', '1h30']) {
    const reading = parseDuration(text);
    assert.ok(!reading.ok, text);
    assert.match(reading.expected, /duration such as "30s"/);
  }
  for (const input of [30, -1, Number.NaN, true, null, undefined, [], {}]) assert.ok(!parseDuration(input).ok);
});

test('a number without a unit is answered with what to write', () => {
  for (const input of [30, '30']) {
    const reading = parseDuration(input);
    assert.ok(!reading.ok);
    assert.equal(reading.hint, 'for seconds write "30s"');
  }
});

test('a span beyond 2^31 ms is a span like any other, one beyond ten years is a mistake', () => {
  assert.deepEqual(parseDuration('30d'), { ok: true, value: 2_592_000_000 });
  assert.ok(parseDuration('3650d').ok);
  const absurd = parseDuration('3651d');
  assert.ok(!absurd.ok);
  assert.match(absurd.expected, /at most "3650d"/);
  assert.ok(!parseDuration(`${'9'.repeat(400)}s`).ok);
});

test('no time at all is refused where it makes no sense', () => {
  const reading = parseDuration('0s', 1);
  assert.ok(!reading.ok);
  assert.match(reading.expected, /at least "1ms"/);
});

test('a span is printed in the one form that gives it back', () => {
  assert.deepEqual([90_000, 1600, 0, 86_400_000].map(formatDuration), ['1m30s', '1600ms', '0s', '1d']);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.nat(),
        fc.nat(5_000_000).map((s) => s * 1000),
      ),
      (span) => {
        assert.deepEqual(parseDuration(formatDuration(span)), { ok: true, value: span });
      },
    ),
  );
});

test('the parts of a duration add up, whichever there are', () => {
  const part = (unit: string, size: number) =>
    fc.option(fc.nat(50).map((amount) => ({ text: `${amount}${unit}`, value: amount * size })));
  const parts = fc.tuple(
    part('d', 86_400_000),
    part('h', 3_600_000),
    part('m', 60_000),
    part('s', 1000),
    part('ms', 1),
  );
  fc.assert(
    fc.property(parts, (found) => {
      const present = found.filter((one) => one !== null);
      fc.pre(present.length > 0);
      const value = present.reduce((sum, one) => sum + one.value, 0);
      assert.deepEqual(parseDuration(present.map(({ text }) => text).join('')), { ok: true, value });
    }),
  );
});

test('a size counts in powers of 1024', () => {
  const rows: readonly (readonly [string, number])[] = [
    ['512M', 512 * 1024 ** 2],
    ['2G', 2 * 1024 ** 3],
    ['1.5K', 1536],
    ['64KiB', 65_536],
    ['64KB', 65_536],
    ['100B', 100],
    ['0M', 0],
  ];
  for (const [text, value] of rows) assert.deepEqual(parseSize(text), { ok: true, value }, text);
  for (const input of ['512', 'M', '-1M', '1 M', '1m', '10BB', '99999999T', 512])
    assert.ok(!parseSize(input).ok, String(input));
});

test('permission bits are octal text; a number is refused, for 22 is not 022', () => {
  assert.deepEqual(
    ['0640', '022', '0o22', '7'].map(parseMode),
    [0o640, 0o022, 0o022, 7].map((value) => ({ ok: true, value })),
  );
  for (const input of ['0888', '1777', '', 'rw-', '-022', 22, 0o640]) assert.ok(!parseMode(input).ok, String(input));
  fc.assert(
    fc.property(fc.nat(0o777), (mode) => assert.deepEqual(parseMode(formatMode(mode)), { ok: true, value: mode })),
  );
});
