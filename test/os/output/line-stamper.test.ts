// Times in front of lines: nothing else is changed, however the bytes come in pieces.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineStamper, LONGEST_LINE, stampedSize } from '../../../src/os/output/line-stamper.ts';

const TIME = 'Nov 23 16:10:00.123';

function stamped(pieces: readonly Uint8Array[], stamper = new LineStamper()): Buffer {
  return Buffer.concat(
    pieces.map((piece) => {
      const to = Buffer.alloc(stampedSize(piece.length));
      return to.subarray(0, stamper.stamp(Buffer.from(piece), to, TIME));
    }),
  );
}

test('any bytes in any pieces: without the stamps they are as they were, and every line has one', () => {
  const byte = fc.oneof(
    { weight: 1, arbitrary: fc.constant(0x0a) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 255 }) },
  );
  const piece = fc.array(byte, { maxLength: 60 }).map((bytes) => Uint8Array.from(bytes));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const raw = Buffer.concat(pieces).toString('latin1');
      const lines = stamped(pieces).toString('latin1').split('\n');
      const last = lines.pop() ?? '';
      const bare = lines.map((line) => {
        assert.ok(line.startsWith(`${TIME} `));
        return `${line.slice(TIME.length + 1)}\n`;
      });
      assert.equal(bare.join('') + last.slice(last === '' ? 0 : TIME.length + 1), raw);
    }),
  );
});

test('a line that was begun by the opsd before gets no second stamp', () => {
  assert.equal(stamped([Buffer.from('rest\nnext\n')], new LineStamper(1)).toString(), `rest\n${TIME} next\n`);
});

test('a line of 64 KiB is whole; a longer one is cut and its pieces are marked as such', () => {
  const x = (bytes: number): string => 'x'.repeat(bytes);
  const of = (text: string): string => stamped([Buffer.from(text)]).toString();
  assert.equal(of(`${x(LONGEST_LINE)}\ny\n`), `${TIME} ${x(LONGEST_LINE)}\n${TIME} y\n`);
  assert.equal(of(`${x(LONGEST_LINE + 1)}\ny\n`), `${TIME} ${x(LONGEST_LINE)}\n${TIME} ... x\n${TIME} y\n`);
  const long = Array.from({ length: 200 }, () => Buffer.from(x(1_000)));
  assert.equal(
    stamped(long).toString(),
    [x(LONGEST_LINE), `... ${x(LONGEST_LINE)}`, `... ${x(LONGEST_LINE)}`, `... ${x(200_000 - 3 * LONGEST_LINE)}`]
      .map((line) => `${TIME} ${line}`)
      .join('\n'),
  );
});

test('the worst input, nothing but newlines, fits into the room that is asked for', () => {
  const input = Buffer.alloc(10_000, 0x0a);
  const to = Buffer.alloc(stampedSize(input.length));
  assert.equal(new LineStamper().stamp(input, to, TIME), input.length * (TIME.length + 2));
});
