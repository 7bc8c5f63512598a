// Jobs come due by a simulated wall clock: it jumps, the host sleeps, opsd was away.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Schedule } from '../../../src/core/model/spec.ts';
import { JobScheduler } from '../../../src/daemon/watch/scheduler.ts';
import { Scheduler } from '../../simulation/scheduler.ts';
import { aConfig, aService } from '../../simulation/specs.ts';
import { startedState } from '../../support/started-state.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const MINUTE = 60_000;
const nightly: Schedule = { cron: '0 3 * * *', timezone: 'UTC', overlap: 'skip', randomDelay: 0, catchUp: false };

interface World extends Disposable {
  /** Sets the wall clock, and has the timetable look at it. */
  at(time: string): void;
  /** The clock runs on for so long. */
  pass(millis: number): void;
  /** When jobs were posted. */
  readonly runs: readonly string[];
  /** When a time was told that was missed, and is not made up for. */
  readonly missed: readonly string[];
  next(): string | null;
  change(schedule: Schedule): void;
}

function world(
  schedule: Schedule,
  begin: string,
  { lastDue = null, random = 0 }: { lastDue?: string | null; random?: number } = {},
): World {
  let now = Date.parse(begin);
  let current = schedule;
  const runs: string[] = [];
  const missed: string[] = [];
  const book = new Map<string, number>(lastDue === null ? [] : [['job', Date.parse(lastDue)]]);
  const text = (at: number) => `${new Date(at).toISOString().slice(0, 16)}Z`;
  const timetable = new JobScheduler(
    () => startedState(aConfig([aService('job', { schedule: current }), aService('web')])),
    (event) => {
      if (event.type !== 'scheduled') runs.push(event.type);
      // As the core decides: jobs.ts.
      else if (event.isMissed && !current.catchUp) missed.push(text(now));
      else runs.push(text(now));
    },
    { lastTimeOf: (name) => book.get(name) ?? null, cameDue: (name, at) => book.set(name, at) },
    () => random,
    { ...new Scheduler().clock, unix: () => now },
  );
  timetable.look();
  return {
    at(time) {
      now = Date.parse(time);
      timetable.look();
    },
    pass(millis) {
      for (const end = now + millis; now < end; ) {
        now = Math.min(now + MINUTE, end);
        timetable.look();
      }
    },
    runs,
    missed,
    next: () => {
      const at = timetable.nextOf('job');
      return at === null ? null : text(at);
    },
    change(next) {
      current = next;
      timetable.look();
    },
    [Symbol.dispose]: () => timetable[Symbol.dispose](),
  };
}

test('a job comes due each time, once', () => {
  using it = world(nightly, '2026-05-01T00:00Z');
  it.pass(2 * DAY);
  assert.deepEqual(it.runs, ['2026-05-01T03:00Z', '2026-05-02T03:00Z']);
  assert.equal(it.next(), '2026-05-03T03:00Z');
});

test('a job of once a month does not run at the start, but when its day comes (edge case 44)', () => {
  using it = world({ ...nightly, cron: '0 3 1 * *' }, '2026-05-01T04:00Z');
  it.pass(30 * DAY);
  assert.deepEqual(it.runs, []);
  it.pass(DAY);
  assert.deepEqual(it.runs, ['2026-06-01T03:00Z']);
});

test('times that a suspend passed by are missed: the next one counts, or one run with catch_up', () => {
  using it = world(nightly, '2026-05-01T00:00Z');
  it.at('2026-05-09T12:00Z');
  it.pass(HOUR);
  assert.deepEqual([it.runs, it.missed, it.next()], [[], ['2026-05-09T12:00Z'], '2026-05-10T03:00Z']);
  it.pass(DAY);
  assert.deepEqual(it.runs, ['2026-05-10T03:00Z']);
  using other = world({ ...nightly, catchUp: true }, '2026-05-01T00:00Z');
  other.at('2026-05-09T12:00Z');
  other.pass(HOUR);
  assert.deepEqual([other.runs, other.missed, other.next()], [['2026-05-09T12:00Z'], [], '2026-05-10T03:00Z']);
});

test('a machine without a clock runs no daily job when it gets the time', () => {
  for (const catchUp of [false, true]) {
    using it = world({ ...nightly, catchUp }, '1970-01-01T00:00Z', { lastDue: '2026-05-01T03:00Z' });
    it.pass(10 * MINUTE);
    it.at('2026-05-01T17:41Z');
    it.pass(HOUR);
    assert.deepEqual([it.runs, it.next()], [[], '2026-05-02T03:00Z'], `catch_up = ${catchUp}`);
  }
  using late = world({ ...nightly, catchUp: true }, '1970-01-01T00:00Z', { lastDue: '2026-04-30T03:00Z' });
  late.at('2026-05-01T17:41Z');
  assert.deepEqual(late.runs, ['2026-05-01T17:41Z'], 'it was off at three: made up for');
  using never = world(nightly, '1970-01-01T00:00Z');
  never.at('2026-05-01T17:41Z');
  never.pass(DAY);
  assert.deepEqual(never.runs, ['2026-05-02T03:00Z']);
});

test('a clock that is set forward over its time misses it; one set back makes it wait for the time again', () => {
  using it = world(nightly, '2026-05-01T02:00Z');
  it.at('2026-05-01T05:00Z');
  assert.deepEqual([it.runs, it.missed], [[], ['2026-05-01T05:00Z']]);
  it.at('2026-05-01T01:00Z');
  assert.equal(it.next(), '2026-05-01T03:00Z');
  it.pass(3 * HOUR);
  assert.deepEqual(it.runs, ['2026-05-01T03:00Z']);
});

test('a step of the clock over its time of up to a minute is no miss', () => {
  for (const schedule of [nightly, { ...nightly, catchUp: true }]) {
    using it = world(schedule, '2026-05-01T02:59:30Z');
    it.at('2026-05-01T03:00:30Z');
    assert.deepEqual([it.runs, it.missed], [['2026-05-01T03:00Z'], []]);
    using far = world(schedule, '2026-05-01T02:59:30Z');
    far.at('2026-05-01T03:01:01Z');
    assert.equal(far.runs.length, schedule.catchUp ? 1 : 0);
  }
});

test('a job of each minute misses an hour of them once', () => {
  using it = world({ ...nightly, cron: '* * * * *' }, '2026-05-01T02:00:30Z');
  it.at('2026-05-01T03:00:30Z');
  assert.deepEqual([it.runs, it.missed, it.next()], [[], ['2026-05-01T03:00Z'], '2026-05-01T03:01Z']);
});

test('a clock that was years ahead at the start of the host does not keep a job from running', () => {
  using it = world(nightly, '2038-01-01T00:00Z');
  it.at('2026-05-01T00:00Z');
  it.pass(DAY);
  assert.deepEqual(it.runs, ['2026-05-01T03:00Z']);
});

test('small corrections of the clock make it run neither twice nor not at all', () => {
  using it = world(nightly, '2026-05-01T02:59:30Z');
  it.at('2026-05-01T03:00:10Z');
  it.at('2026-05-01T02:59:50Z');
  it.at('2026-05-01T03:00:10Z');
  it.pass(HOUR);
  assert.deepEqual(it.runs, ['2026-05-01T03:00Z']);
});

test('the night with a gap, and the night with an hour twice: once each', () => {
  const berlin: Schedule = { ...nightly, cron: '30 2 * * *', timezone: 'Europe/Berlin' };
  using spring = world(berlin, '2026-03-28T20:00Z');
  spring.pass(12 * HOUR);
  assert.deepEqual(spring.runs, ['2026-03-29T01:00Z']);
  using autumn = world(berlin, '2026-10-24T20:00Z');
  autumn.pass(12 * HOUR);
  assert.deepEqual(autumn.runs, ['2026-10-25T00:30Z']);
});

test('a time that was missed while no opsd was there is made up for only with catch_up, once', () => {
  const lastDue = '2026-04-20T03:00Z';
  using it = world({ ...nightly, catchUp: true }, '2026-05-01T12:00Z', { lastDue });
  it.pass(HOUR);
  assert.deepEqual(it.runs, ['2026-05-01T12:01Z']);
  using other = world(nightly, '2026-05-01T12:00Z', { lastDue });
  other.pass(HOUR);
  assert.deepEqual(other.runs, []);
});

test('catch_up does nothing where nothing was missed, and nothing for a job that never was', () => {
  using it = world({ ...nightly, catchUp: true }, '2026-05-01T12:00Z', { lastDue: '2026-05-01T03:00Z' });
  it.pass(HOUR);
  assert.deepEqual([it.runs, it.next()], [[], '2026-05-02T03:00Z']);
  using fresh = world({ ...nightly, catchUp: true }, '2026-05-01T12:00Z');
  fresh.pass(HOUR);
  assert.deepEqual(fresh.runs, []);
});

test('a time to come that a wrong clock wrote down does not keep a job from running until then', () => {
  using it = world({ ...nightly, catchUp: true }, '2026-05-01T12:00Z', { lastDue: '2099-01-01T03:00Z' });
  it.pass(DAY);
  assert.deepEqual(it.runs, ['2026-05-02T03:00Z']);
});

test('random_delay puts it off by its share, and the next time is reckoned from the schedule', () => {
  using it = world({ ...nightly, randomDelay: HOUR }, '2026-05-01T00:00Z', { random: 0.5 });
  it.pass(2 * DAY);
  assert.deepEqual(it.runs, ['2026-05-01T03:30Z', '2026-05-02T03:30Z']);
});

test('another schedule holds from the next look on', () => {
  using it = world(nightly, '2026-05-01T00:00Z');
  it.change({ ...nightly, cron: '0 1 * * *' });
  it.pass(4 * HOUR);
  assert.deepEqual(it.runs, ['2026-05-01T01:00Z']);
});
