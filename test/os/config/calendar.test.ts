// When schedules come due: in time zones, and over the nights in which clocks are changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextRun, scheduleProblem } from '../../../src/os/config/calendar.ts';

/** The times after `from`, in UTC. */
function times(cron: string, timezone: string, from: string, count: number): string[] {
  const found: string[] = [];
  for (let at: number | null = Date.parse(from); found.length < count; ) {
    at = nextRun({ cron, timezone }, at);
    if (at === null) break;
    found.push(`${new Date(at).toISOString().slice(0, 16)}Z`);
  }
  return found;
}

const cases: readonly (readonly [
  name: string,
  cron: string,
  zone: string,
  from: string,
  expected: readonly string[],
])[] = [
  [
    'a time that the night in spring does not have comes at its end, and only that night',
    '30 2 * * *',
    'Europe/Berlin',
    '2026-03-28T00:00Z',
    ['2026-03-28T01:30Z', '2026-03-29T01:00Z', '2026-03-30T00:30Z'],
  ],
  [
    'a time that the night in autumn has twice comes once, the first time',
    '30 2 * * *',
    'Europe/Berlin',
    '2026-10-24T00:00Z',
    ['2026-10-24T00:30Z', '2026-10-25T00:30Z', '2026-10-26T01:30Z'],
  ],
  [
    'the same on the other side of the ocean, a week later',
    '30 1 * * *',
    'America/New_York',
    '2026-10-31T00:00Z',
    ['2026-10-31T05:30Z', '2026-11-01T05:30Z', '2026-11-02T06:30Z'],
  ],
  [
    'three in the morning is three in the morning, in spring',
    '0 3 * * *',
    'Europe/Berlin',
    '2026-03-28T00:00Z',
    ['2026-03-28T02:00Z', '2026-03-29T01:00Z', '2026-03-30T01:00Z'],
  ],
  [
    'and in autumn',
    '0 3 * * *',
    'Europe/Berlin',
    '2026-10-24T00:00Z',
    ['2026-10-24T01:00Z', '2026-10-25T02:00Z', '2026-10-26T02:00Z'],
  ],
  [
    'every half hour is every half hour, also while the clock goes back',
    '*/30 * * * *',
    'Europe/Berlin',
    '2026-10-24T23:45Z',
    ['2026-10-25T00:00Z', '2026-10-25T00:30Z', '2026-10-25T01:00Z', '2026-10-25T01:30Z', '2026-10-25T02:00Z'],
  ],
  [
    'every hour is every hour, also while it goes forward',
    '0 * * * *',
    'Europe/Berlin',
    '2026-03-28T23:30Z',
    ['2026-03-29T00:00Z', '2026-03-29T01:00Z', '2026-03-29T02:00Z'],
  ],
  [
    'a day that comes every four years',
    '0 0 29 2 *',
    'UTC',
    '2026-03-01T00:00Z',
    ['2028-02-29T00:00Z', '2032-02-29T00:00Z'],
  ],
  ['seconds, where there are six fields', '15 0 0 1 1 *', 'UTC', '2026-03-01T00:00Z', ['2027-01-01T00:00Z']],
];

for (const [name, cron, zone, from, expected] of cases) {
  test(name, () => assert.deepEqual(times(cron, zone, from, expected.length), expected));
}

test('what never comes due, or is no schedule, is told', () => {
  const now = Date.parse('2026-03-01T00:00Z');
  assert.equal(scheduleProblem('0 3 * * *', 'Europe/Berlin', now), null);
  assert.equal(scheduleProblem('0 0 30 2 *', null, now), 'it never comes due');
  assert.notEqual(scheduleProblem('61 * * * *', null, now), null);
  assert.notEqual(scheduleProblem('0 3 * * *', 'Europe/Berlim', now), null);
});
