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
  const book = new Map<string, number>(lastDue === null ? [] : [['job', Date.parse(lastDue)]]);
  const text = (at: number) => `${new Date(at).toISOString().slice(0, 16)}Z`;
  const timetable = new JobScheduler(
    () => startedState(aConfig([aService('job', { schedule: current }), aService('web')])),
    (event) => runs.push(event.type === 'scheduled' ? text(now) : event.type),
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

test('after days of sleep it comes due once, not once for each night', () => {
  using it = world(nightly, '2026-05-01T00:00Z');
  it.at('2026-05-09T12:00Z');
  it.pass(HOUR);
  assert.deepEqual(it.runs, ['2026-05-09T12:00Z']);
  assert.equal(it.next(), '2026-05-10T03:00Z');
});

test('a clock that is set forward over its time brings it due; one set back makes it wait for the time again', () => {
  using it = world(nightly, '2026-05-01T02:00Z');
  it.at('2026-05-01T05:00Z');
  assert.deepEqual(it.runs, ['2026-05-01T05:00Z']);
  it.at('2026-05-01T01:00Z');
  assert.equal(it.next(), '2026-05-01T03:00Z');
  it.pass(3 * HOUR);
  assert.deepEqual(it.runs, ['2026-05-01T05:00Z', '2026-05-01T03:00Z']);
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
