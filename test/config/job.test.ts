// Services that end by themselves: one-shots, schedules, time limits, and what becomes of opsd after them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MachineFacts } from '../../src/os/config/facts.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { assertOnly, configOf, linesOf, load, problemsOf, serviceOf } from './loading.ts';

const WEB = '[services.web]\ncommand = ["true"]\n';
const policyOf = (text: string) => serviceOf(`${WEB}${text}\n`).policy;

test('what ends by itself is not started again unless it says so', () => {
  assert.equal(policyOf('').restart, 'always');
  assert.equal(policyOf('type = "simple"').restart, 'always');
  assert.equal(policyOf('type = "oneshot"').restart, 'never');
  assert.equal(policyOf('schedule = "@daily"').restart, 'never');
  assert.equal(policyOf('type = "oneshot"\nrestart = "on-failure"').restart, 'on-failure');
});

test('to start it again without end is a contradiction, told where it stands', () => {
  const message = /^"always" would start a oneshot again without end; write "on-failure", or remove it$/;
  assertOnly(problemsOf(`${WEB}type = "oneshot"\nrestart = "always"\n`), 'config.toml:4 services.web.restart', message);
  assertOnly(
    problemsOf(`[defaults]\nrestart = "always"\n${WEB}schedule = "@daily"\n`),
    'config.toml:2 defaults.restart',
    /what a schedule starts again without end; write restart = "never" in that service/,
  );
});

test('a schedule has the defaults of the contract, and all its keys', () => {
  const usual = { timezone: null, overlap: 'skip', randomDelay: 0, catchUp: false };
  assert.deepEqual(policyOf('schedule = "0 3 * * *"').schedule, { cron: '0 3 * * *', ...usual });
  const all = 'timezone = "Europe/Berlin"\noverlap = "kill"\nrandom_delay = "5m"\ncatch_up = true\ntimeout = "1h"\n';
  const policy = policyOf(`schedule = "*/5 * * * * *"\n${all}`);
  assert.deepEqual(policy.schedule, {
    cron: '*/5 * * * * *',
    ...{ timezone: 'Europe/Berlin', overlap: 'kill', randomDelay: 300_000, catchUp: true },
  });
  assert.equal(policy.timeout, 3_600_000);
});

test('a schedule that is none, or never comes due, is a problem on this machine as well', () => {
  const machine = new MachineFacts(systemClock, undefined);
  const facts = { whyNotSchedule: machine.whyNotSchedule.bind(machine) };
  for (const cron of ['nope', '* * *', '61 * * * *', '0 0 30 2 *', '0 25 * * *', '2020-01-01T00:00:00', '@never']) {
    const base = `${WEB}schedule = "${cron}"\n`;
    assertOnly(
      problemsOf({ base, facts }),
      'config.toml:3 services.web.schedule',
      /^expected a crontab\(5\) line .*\(.+\)$/,
    );
  }
  for (const cron of ['0 3 * * *', '@hourly', '0 0 29 2 *', '*/10 * * * * *']) {
    assert.ok(load({ base: `${WEB}schedule = "${cron}"\ntimezone = "Asia/Tokyo"\n`, facts }).ok, cron);
  }
});

test('wrong values are told with a remedy', () => {
  const rows: readonly (readonly [line: string, key: string, message: RegExp])[] = [
    ['schedule = { cron = "@daily" }', 'schedule', /^expected a schedule such as "0 3 \* \* \*", got a table$/],
    ['schedule = ""', 'schedule', /a schedule such as/],
    ['schedule = "@daily"\ntimezone = "Europe/Berlinn"', 'timezone', /did you mean "Europe\/Berlin"\?$/],
    ['schedule = "@daily"\noverlap = "skp"', 'overlap', /"skip", "queue", "kill"/],
    ['schedule = "@daily"\ncatch_up = 1', 'catch_up', /true or false/],
    ['type = "forking"', 'type', /"simple", "oneshot"/],
    ['timeout = "0s"', 'timeout', /at least "1ms"/],
    ['on_failed = "exit"', 'on_failed', /"keep", "shutdown"/],
    ['on_dependency_restart = "yes"', 'on_dependency_restart', /"restart", "keep"/],
    ['shedule = "x"', 'shedule', /did you mean "schedule"/],
  ];
  for (const [lines, key, message] of rows) {
    const line = 2 + lines.split('\n').length;
    assertOnly(problemsOf(`${WEB}${lines}\n`), `config.toml:${line} services.web.${key}`, message);
  }
});

test('keys of a schedule without one are doubtful, unless they come from [defaults]', () => {
  const [warning = ''] = linesOf(load(`${WEB}catch_up = true\n`).warnings);
  assert.equal(warning, 'config.toml:3 services.web.catch_up says nothing without a schedule; remove it');
  assert.deepEqual(load(`[defaults]\ntimezone = "UTC"\n${WEB}`).warnings, []);
});

test('a failure may end opsd, a restart may spread, and opsd may end with its services', () => {
  const { daemon, services } = configOf(
    `[daemon]\nexit_when = "all-exited"\n${WEB}on_failed = "shutdown"\non_dependency_restart = "restart"\n`,
  );
  const policy = services.get('web')?.policy;
  assert.deepEqual(
    [daemon.exitWhen, policy?.onFailed, policy?.onDependencyRestart],
    ['all-exited', 'shutdown', 'restart'],
  );
  const usual = configOf(WEB);
  assert.deepEqual(
    [usual.daemon.exitWhen, policyOf('').onFailed, policyOf('').onDependencyRestart],
    ['never', 'keep', 'keep'],
  );
  assertOnly(
    problemsOf(`[daemon]\nexit_when = "done"\n${WEB}`),
    'config.toml:2 daemon.exit_when',
    /"never", "all-exited"/,
  );
});

test('hooks are commands with a timeout', () => {
  const { beforeStart, afterStop } = policyOf(
    'before_start = ["a", "b"]\nafter_stop = { command = "c d", timeout = "5s" }',
  );
  assert.deepEqual(beforeStart, { command: ['a', 'b'], timeout: 30_000 });
  assert.deepEqual(afterStop, { command: ['c', 'd'], timeout: 5000 });
  assert.deepEqual([policyOf('').beforeStart, policyOf('').afterStop], [null, null]);
  const place = 'config.toml:3 services.web.before_start';
  assertOnly(problemsOf(`${WEB}before_start = "a | b"\n`), `${place}.command`, /no shell runs/);
  assertOnly(problemsOf(`${WEB}before_start = { timeout = "1s" }\n`), `${place}.command`, /^is missing/);
  const inherited = serviceOf(`[defaults]\nafter_stop = { timeout = "1s" }\n${WEB}after_stop = "x"\n`);
  assert.deepEqual(inherited.policy.afterStop, { command: ['x'], timeout: 1000 });
  const facts = { whyNotExecutable: (file: string) => (file === 'true' ? null : `no ${file}`) };
  assertOnly(problemsOf({ base: `${WEB}before_start = "migrate"\n`, facts }), `${place}.command`, /^no migrate$/);
});

test('tags are words, each once', () => {
  assert.deepEqual(policyOf('tags = ["edge", "eu-1", "edge"]').tags, ['edge', 'eu-1']);
  assertOnly(
    problemsOf(`${WEB}tags = ["+edge"]\n`),
    'config.toml:3 services.web.tags',
    /the \+ belongs to commands only/,
  );
  assertOnly(problemsOf(`${WEB}tags = "edge"\n`), 'config.toml:3 services.web.tags', /a list of words/);
});
