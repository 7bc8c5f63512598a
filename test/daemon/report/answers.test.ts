// Answers to orders: none is given before what it promises is on disk.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Answers } from '../../../src/daemon/report/answers.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';

test('the state is saved before an answer is given, once for all that are ready', async () => {
  const story: string[] = [];
  using answers = new Answers(() => {
    story.push('saved');
    return true;
  }, systemClock);
  const asked = [1, 2].map((id) =>
    answers
      .ask((number) => answers.give(number, { ok: true, message: `${id} is stopped` }))
      .then((outcome) => story.push(outcome.message)),
  );
  await Promise.all(asked);
  assert.deepEqual(story, ['saved', '1 is stopped', '2 is stopped']);
});

test('what cannot be written down is no success; what failed stays what it is', async () => {
  using answers = new Answers(() => false, systemClock);
  const give = (ok: boolean) =>
    answers.ask((id) =>
      answers.give(
        id,
        ok ? { ok, message: 'web is stopped' } : { ok, code: 'not_running', message: 'web does not run' },
      ),
    );
  const [good, bad] = await Promise.all([give(true), give(false)]);
  assert.equal(good?.ok, false);
  assert.match(good?.message ?? '', /^web is stopped, but that could not be written down: .*look at the disk/);
  assert.deepEqual(bad, { ok: false, code: 'not_running', message: 'web does not run' });
});

test('who asks while too many wait is refused, and keeps nobody else waiting', async () => {
  using answers = new Answers(() => true, systemClock);
  for (let waiting = 0; waiting < 10_000; waiting += 1) void answers.ask(() => {});
  const outcome = await answers.ask(() => assert.fail('it is not even given'));
  assert.match(outcome.message, /10000 orders are waiting already/);
});
