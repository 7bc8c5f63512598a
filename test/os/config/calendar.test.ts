// When schedules come due: in time zones, and over the nights in which clocks are changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
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

/** What crontab(5) says of a day, read off its text: "contains a *" decides whether both day fields have to match. */
function matches(cron: string, at: Date): boolean {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = cron.split(' ');
  const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
  const days = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
  const isIn = (field: string, value: number, least: number, most: number, names: readonly string[] = []): boolean =>
    field.split(',').some((part) => {
      const [range = '', step = '1'] = part.split('/');
      const numbers = range.split('-').map((one) => (names.includes(one) ? names.indexOf(one) + least : Number(one)));
      const [from = least, to = range === '*' ? most : from] = range === '*' ? [least, most] : numbers;
      return value >= from && value <= to && (value - from) % Number(step) === 0;
    });
  const isWeekday = isIn(weekday, at.getUTCDay(), 0, 6, days) || (at.getUTCDay() === 0 && isIn(weekday, 7, 0, 7, days));
  const isDay = isIn(day, at.getUTCDate(), 1, 31);
  const needsBoth = day.includes('*') || weekday.includes('*');
  return (
    isIn(minute, at.getUTCMinutes(), 0, 59) &&
    isIn(hour, at.getUTCHours(), 0, 23) &&
    isIn(month, at.getUTCMonth() + 1, 1, 12, months) &&
    (needsBoth ? isDay && isWeekday : isDay || isWeekday)
  );
}

const days: readonly (readonly [cron: string, days: readonly number[]])[] = [
  // June 2026 begins on a Monday.
  ['0 0 */2 * MON', [1, 15, 29]],
  ['0 0 */10 * *', [1, 11, 21]],
  ['0 0 * * MON', [1, 8, 15, 22, 29]],
  ['0 0 1,15 * FRI', [1, 5, 12, 15, 19, 26]],
  ['0 0 13 * FRI', [5, 12, 13, 19, 26]],
  ['0 0 1 * */2', []],
  ['0 0 2 * */2', [2]],
  ['0 0 */7 * SUN,MON', [1, 8, 15, 22, 29]],
  ['0 0 1-7 * MON', [1, 2, 3, 4, 5, 6, 7, 8, 15, 22, 29]],
  ['0 0 1-31 * MON', Array.from({ length: 30 }, (_, at) => at + 1)],
];

for (const [cron, expected] of days) {
  test(`the days of ${cron} are those of crontab(5)`, () => {
    const begin = Date.UTC(2026, 5, 1) - 1;
    const found = times(cron, 'UTC', new Date(begin).toISOString(), 31).map((at) => new Date(at));
    const inJune = found
      .filter((at) => at.getUTCMonth() === 5 && at.getUTCFullYear() === 2026)
      .map((at) => at.getUTCDate());
    assert.deepEqual(inJune, expected);
  });
}

test('random schedules are due when crontab(5) says', () => {
  const field = (least: number, most: number, names: readonly string[] = []) => {
    const number = fc.integer({ min: least, max: most });
    const range = fc.tuple(number, number).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
    const step = fc.tuple(fc.constantFrom('*', '*', `${least}-${most}`), fc.integer({ min: 1, max: 7 }));
    const named = names.length === 0 ? number.map(String) : fc.constantFrom(...names);
    const part = fc.oneof(
      number.map(String),
      range,
      named,
      step.map(([of, by]) => `${of}/${by}`),
    );
    const list = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(','));
    return fc.oneof({ weight: 2, arbitrary: fc.constant('*') }, { weight: 3, arbitrary: list });
  };
  const schedule = fc.tuple(
    fc.constantFrom('0', '30', '*/20'),
    fc.constantFrom('0', '12', '3,15'),
    field(1, 31),
    fc.oneof(fc.constant('*'), field(1, 12, ['FEB', 'NOV'])),
    field(0, 7, ['SUN', 'MON', 'FRI', 'SAT']),
  );
  fc.assert(
    fc.property(schedule, (fields) => {
      const cron = fields.join(' ');
      const begin = Date.UTC(2026, 0, 1);
      const next = nextRun({ cron, timezone: 'UTC' }, begin - 1);
      let expected: number | null = null;
      for (let at = begin; at < begin + 400 * 86_400_000 && expected === null; at += 600_000) {
        if (matches(cron, new Date(at))) expected = at;
      }
      if (expected !== null || (next !== null && next < begin + 400 * 86_400_000)) assert.equal(next, expected, cron);
    }),
    { numRuns: 150 },
  );
});
