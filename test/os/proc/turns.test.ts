// Long work takes a piece of each turn of the loop, and what asks for a look meanwhile gets one that began after it asked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inOneTurn, inTurns, type Work, workForATurn } from '../../../src/os/proc/turns.ts';
import { ScanPacer } from '../../../src/os/processes/scan-pacer.ts';
import { Scheduler } from '../../simulation/scheduler.ts';

/** So many pieces of a millisecond each. */
function* work(pieces: number, scheduler: Scheduler): Work<number> {
  for (let done = 0; done < pieces; done += 1) {
    scheduler.work(1);
    yield;
  }
  return pieces;
}

test('a turn is given up after 20 ms, and others have theirs before the rest is done', async () => {
  const scheduler = new Scheduler();
  const step = workForATurn(work(1_000, scheduler), scheduler.clock);
  assert.deepEqual([step.done, scheduler.now], [false, 20]);
  const turns: number[] = [];
  using _others = scheduler.clock.every(1, () => turns.push(scheduler.now - 20));
  let done = 0;
  void inTurns(work(100, scheduler), scheduler.clock).then((pieces) => {
    done = pieces;
  });
  await scheduler.until('all of it', () => done === 100);
  assert.deepEqual(turns.slice(0, 5), [20, 40, 60, 80, 100]);
});

test('where nobody waits all of it is done at once', () => assert.equal(inOneTurn(work(30, new Scheduler())), 30));

test('who asks in the middle of a look is given another one', async () => {
  const scheduler = new Scheduler();
  let begun = 0;
  let isOver = false;
  using looks = new ScanPacer(
    function* () {
      begun += 1;
      yield* work(40, scheduler);
      isOver = begun === 2;
    },
    () => null,
    scheduler.clock,
  );
  looks.request();
  scheduler.advance();
  assert.deepEqual([begun, isOver], [1, false]);
  looks.request();
  await scheduler.until('the second', () => isOver);
});
