// Long work takes a piece of each turn of the loop, and what asks for a look meanwhile gets one that began after it asked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inOneTurn, inTurns, type Work, workForATurn } from '../../../src/os/proc/turns.ts';
import { ScanPacer } from '../../../src/os/processes/scan-pacer.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { waitFor } from '../../support/wait.ts';

/** So many pieces of a millisecond each. */
function* work(pieces: number): Work<number> {
  for (let done = 0; done < pieces; done += 1) {
    const until = performance.now() + 1;
    while (performance.now() < until);
    yield;
  }
  return pieces;
}

test('a turn is given up after 20 ms, and others have theirs before the rest is done', async () => {
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  }, 1);
  const begun = performance.now();
  const step = workForATurn(work(1_000), systemClock);
  assert.equal(step.done, false);
  assert.ok(performance.now() - begun >= 19);
  assert.equal(await inTurns(work(100), systemClock), 100);
  clearInterval(counting);
  assert.ok(turns >= 2, `${turns} turns`);
});

test('where nobody waits all of it is done at once', () => assert.equal(inOneTurn(work(30)), 30));

test('who asks in the middle of a look is given another one', async () => {
  let begun = 0;
  let isOver = false;
  using looks = new ScanPacer(
    function* () {
      begun += 1;
      yield* work(40);
      isOver = begun === 2;
    },
    () => null,
    systemClock,
  );
  looks.request();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([begun, isOver], [1, false]);
  looks.request();
  await waitFor('the second', () => isOver);
});
