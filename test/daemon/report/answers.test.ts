// Answers to orders: none is given before what it promises is on disk.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Answers } from '../../../src/daemon/report/answers.ts';
import { Scheduler } from '../../simulation/scheduler.ts';

test('the state is saved before an answer is given, once for all that are ready', async () => {
  const story: string[] = [];
  const scheduler = new Scheduler();
  using answers = new Answers(() => {
    story.push('saved');
    return true;
  }, scheduler.clock);
  const asked = [1, 2].map((id) =>
    answers
      .ask((number) => answers.give(number, { ok: true, message: `${id} is stopped` }))
      .then((outcome) => story.push(outcome.message)),
  );
  await scheduler.pass(0);
  await Promise.all(asked);
  assert.deepEqual(story, ['saved', '1 is stopped', '2 is stopped']);
});

test('what cannot be written down is no success; what failed stays what it is', async () => {
  const scheduler = new Scheduler();
  using answers = new Answers(() => false, scheduler.clock);
  const give = (ok: boolean) =>
    answers.ask((id) =>
      answers.give(
        id,
        ok ? { ok, message: 'web is stopped' } : { ok, code: 'not_running', message: 'web does not run' },
      ),
    );
  const both = Promise.all([give(true), give(false)]);
  await scheduler.pass(0);
  const [good, bad] = await both;
  assert.equal(good?.ok, false);
  assert.match(good?.message ?? '', /^web is stopped, but the state file could not be written: .*check the disk/);
  assert.deepEqual(bad, { ok: false, code: 'not_running', message: 'web does not run' });
});

test('who asks while too many wait is refused, and keeps nobody else waiting', async () => {
  using answers = new Answers(() => true, new Scheduler().clock);
  for (let waiting = 0; waiting < 10_000; waiting += 1) void answers.ask(() => {});
  const outcome = await answers.ask(() => assert.fail('it is not even given'));
  assert.match(outcome.message, /10000 commands are pending already/);
});

test('after a save none follows for four times as long as it took, and whoever is answered meanwhile shares the next', async () => {
  const scheduler = new Scheduler();
  const saves: number[] = [];
  const given: string[] = [];
  using answers = new Answers(() => {
    saves.push(scheduler.now);
    scheduler.work(50);
    return true;
  }, scheduler.clock);
  const ask = (name: string) =>
    void answers
      .ask((id) => answers.give(id, { ok: true, message: name }))
      .then(({ message }) => given.push(`${message} at ${scheduler.now}`));
  ask('first');
  await scheduler.pass(60);
  ask('second');
  ask('third');
  await scheduler.pass(189);
  assert.deepEqual([saves, given], [[0], ['first at 50']]);
  await scheduler.pass(1_000);
  assert.deepEqual(saves, [0, 250]);
  assert.deepEqual(given, ['first at 50', 'second at 300', 'third at 300']);
});
