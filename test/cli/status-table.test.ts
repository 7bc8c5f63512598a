// The table of `ctl status`: aligned, readable, never wider than the terminal.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { isUp } from '../../src/cli/show/state-word.ts';
import { statusSummary, statusTable } from '../../src/cli/show/status-table.ts';
import { service, UP } from '../http/fake-control.ts';

const startedAgo = (seconds: number) => ({ ...UP, started_at: new Date(Date.now() - seconds * 1000).toISOString() });
const status = {
  version: 1 as const,
  daemon: {
    host: 'bear',
    utc_offset_minutes: 0,
    pid: 1,
    version: '0.1.0',
    started_at: new Date(Date.now() - 7_400_000).toISOString(),
  },
  groups: [],
  refused: null,
  services: [
    service('web', {
      ...startedAgo(312),
      restarts: 2,
      cpu_ratio: 0.034,
      memory_bytes: 83e6,
      heartbeat_age_seconds: 0.83,
    }),
    service('a-worker', { ...startedAgo(200_000), pid: 123456, cpu_ratio: 1.234, memory_bytes: 2.2e9, adopted: true }),
    service('mailer', {
      state: 'backoff',
      restarts: 14,
      reason: 'exit code 3: cannot reach the mail server at mail.example',
      next_attempt_at: new Date(Date.now() + 61_500).toISOString(),
    }),
  ],
};
const lines = (columns: number | null) =>
  statusTable(status, { columns, hasColours: false, now: Date.now() }).trimEnd().split('\n');

test('numbers stand to the right, names to the left, and what does not apply is a dash', () => {
  assert.deepEqual(lines(null), [
    'NAME      STATE       PID  UPTIME  RESTARTS    CPU  MEMORY  LAST BEAT',
    'web       running    4711  5m 12s         2  3.4 %    79 M   0.8s ago',
    'a-worker  running  123456   2d 7h         0  123 %   2.0 G          -  adopted',
    'mailer    backoff       -       -        14      -       -          -  exit code 3: cannot reach the mail server at mail.example; next try in 1m 1s',
  ]);
});

test('no line is wider than the terminal, and what matters most is given up last', () => {
  for (let columns = 20; columns < 160; columns++) {
    for (const line of lines(columns)) assert.ok(line.length <= columns, `${line.length} > ${columns}: ${line}`);
  }
  assert.match(lines(120)[0] ?? '', /LAST BEAT/);
  assert.equal(lines(60)[0], 'NAME      STATE       PID  UPTIME');
  assert.equal(lines(30)[0], 'NAME      STATE');
});

test('what runs between two crashes is unstable until stable_after, and no longer', () => {
  const now = Date.now();
  const told = (ahead: number, failures: number) =>
    statusTable(
      {
        ...status,
        services: [
          service('web', {
            ...startedAgo(1),
            restarts: 4,
            failures_in_a_row: failures,
            unstable_until: new Date(now + ahead).toISOString(),
          }),
        ],
      },
      { columns: null, hasColours: true, now },
    );
  assert.ok(told(9_000, 4).includes('\u001b[33munstable\u001b[39m'));
  assert.match(stripVTControlCharacters(told(9_000, 4)), /web {3}unstable .* 4 failures in a row; stable in 9\.0s$/m);
  assert.match(stripVTControlCharacters(told(9_000, 1)), / 1 failure; stable in/);
  assert.match(stripVTControlCharacters(told(9_000, 0)), / failed before; stable in/);
  assert.match(stripVTControlCharacters(told(-1, 4)), /web {3}running/);
  const [web] = status.services;
  assert.ok(web);
  const services = [web, { ...web, unstable_until: new Date(now + 5_000).toISOString() }];
  assert.match(statusSummary({ ...status, services }, now), /2 services, 1 running, 1 unstable$/);
});

test('what failed is tried again, a job has its next run, and what is done or waits for its time is up', () => {
  const next = new Date(Date.now() + 3_600_500).toISOString();
  const job = service('job', { state: 'exited', completed: true, reason: 'exit code 0', next_attempt_at: next });
  const told = (one: typeof job) =>
    statusTable({ ...status, services: [one] }, { columns: null, hasColours: false, now: Date.now() });
  assert.match(told(job), /exit code 0; next run in 1h 0m/);
  assert.match(told({ ...job, state: 'failed' }), /next try in 1h/);
  assert.match(told({ ...job, state: 'stopped', reason: 'not started yet' }), /not started yet; next run in 1h/);
  const ups: readonly (readonly [typeof job, boolean])[] = [
    [{ ...job, next_attempt_at: null }, true],
    [{ ...job, completed: false }, false],
    [{ ...job, state: 'stopped', completed: false }, true],
    [{ ...job, state: 'stopped', completed: false, next_attempt_at: null }, false],
    [{ ...job, state: 'running', completed: false }, true],
    [{ ...job, state: 'failed', completed: false }, false],
    [{ ...job, state: 'backoff', completed: false }, false],
  ];
  for (const [one, expected] of ups) assert.equal(isUp(one), expected, `${one.state} ${one.completed}`);
});

test('on a narrow terminal the cause goes on below its service, and no word of it is lost', () => {
  const cause = 'exit code 3: cannot reach the mail server at mail.example; next try in 1m 1s';
  for (const columns of [40, 60, 80, 100, 130]) {
    const told = lines(columns).slice(3);
    const text = told.map((line) => line.trim()).join(' ');
    assert.ok(text.endsWith(cause), `${columns}: ${told.join('\n')}`);
    assert.ok(told.slice(1).every((line) => line.startsWith('    ')));
  }
  assert.deepEqual(lines(60), [
    'NAME      STATE       PID  UPTIME',
    'web       running    4711  5m 12s',
    'a-worker  running  123456   2d 7h  adopted',
    'mailer    backoff       -       -  exit code 3: cannot reach',
    '    the mail server at mail.example; next try in 1m 1s',
  ]);
  const long = { ...status, services: [service('x', { state: 'failed', reason: 'word '.repeat(200).trim() })] };
  const shown = statusTable(long, { columns: 80, hasColours: false, now: Date.now() }).trimEnd().split('\n');
  assert.equal(shown.length, 7);
  assert.ok(shown.at(-1)?.endsWith('…'));
});

test('colours change nothing but the colour', () => {
  const coloured = statusTable(status, { columns: null, hasColours: true, now: Date.now() });
  assert.ok(coloured.includes('\u001b[32mrunning\u001b[39m'));
  assert.equal(
    stripVTControlCharacters(coloured),
    statusTable(status, { columns: null, hasColours: false, now: Date.now() }),
  );
});

test('a reason cannot act on the terminal, nor break the table', () => {
  const evil = { ...status, services: [service('x', { reason: '\u001b]0;owned\u0007a\nb\u202ec\u009b1m' })] };
  const text = statusTable(evil, { columns: null, hasColours: false, now: Date.now() });
  assert.match(text, /␛\]0;owned␇a b<202E>c<009B>1m\n$/);
  assert.equal(text.split('\n').length, 3);
});

test('the summary counts', () => {
  assert.equal(statusSummary(status, Date.now()), 'opsd 0.1.0, pid 1, up 2h 3m: 3 services, 2 running, 1 backoff');
});
