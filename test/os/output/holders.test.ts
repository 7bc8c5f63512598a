// The checker of the chaos test excuses missing lines for a FIFO that nobody held, and for nothing else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Holders } from '../../chaos/holders.ts';

/** `processes`: found at the beginning of the look; `gone`: not there any more at its end. */
type Look = readonly [processes: string, daemon: string | null, gone?: string];

function gapsOf(...looks: readonly Look[]): readonly boolean[] {
  const words = (text: string) => text.split(' ').filter(Boolean);
  const holders = new Holders();
  return looks
    .map(([processes, daemon, gone = '']) =>
      holders.see({ processes: words(processes), daemon, lives: (key) => !words(gone).includes(key) }),
    )
    .map(({ hasGap }) => hasGap);
}

test('a chain of holders, each seen by two looks, leaves no gap', () => {
  assert.deepEqual(
    gapsOf(['', 'opsd 1'], ['web', 'opsd 1'], ['web', null], ['web', 'opsd 2'], ['', 'opsd 2']).slice(1),
    [false, false, false, false],
  );
  assert.deepEqual(gapsOf(['web', null], ['web child', null], ['child', null]).slice(1), [false, false]);
});

test('between two looks that see nobody in common nobody may have held it', () => {
  assert.deepEqual(gapsOf(['', 'opsd 1'], ['web', null]).at(-1), true);
  assert.deepEqual(gapsOf(['web', null], ['', null]).at(-1), true);
  assert.deepEqual(gapsOf(['', 'opsd 1'], ['', 'opsd 2']).at(-1), true);
});

test('a process that ended before the next opsd opened the FIFO, both within one look, is no link of the chain', () => {
  assert.deepEqual(gapsOf(['web', null], ['web', 'opsd 2', 'web'], ['', 'opsd 2']).slice(1), [true, false]);
  assert.deepEqual(gapsOf(['web child', null], ['web child', 'opsd 2', 'web'], ['child', 'opsd 2']).slice(1), [
    false,
    false,
  ]);
});
