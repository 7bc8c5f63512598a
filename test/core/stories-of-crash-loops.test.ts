// Stories of crash loops: how they are counted, when somebody is told, and how long the pauses are.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { isLongestPause, pauseBefore } from '../../src/core/life/backoff.ts';
import { unstableUntil } from '../../src/core/life/transition.ts';
import { spanText } from '../../src/core/model/span-text.ts';
import type { Policy } from '../../src/core/model/spec.ts';
import type { Script } from '../simulation/host.ts';
import { Simulation } from '../simulation/simulation.ts';
import { aConfig, aService } from '../simulation/specs.ts';
import { crashing, obedient, play, steady, tells } from '../simulation/story.ts';

/** `cat` with an empty input, or `true`. */
const endsWell: Script = { ...obedient, ends: { after: 50, code: 0 } };

test('what ends well before stable_after is in a crash loop: it is counted, and somebody is told', () => {
  tells(
    {
      services: [aService('cat', { ...steady, maxFailures: 2 })],
      child: endsWell,
      acts: [],
      until: 3_000,
    },
    `
    0      cat stopped → starting (enabled)
    0      cat starting → running (up and ready)
    50     cat running → backoff (exit code 0 after 50ms, before stable_after (10s))
    150    cat backoff → starting (backoff delay over)
    150    cat starting → running (up and ready)
    200    cat running → backoff (exit code 0 after 50ms, before stable_after (10s))
    400    cat backoff → starting (backoff delay over)
    400    cat starting → running (up and ready)
    450    cat running → failed (3 failures in a row, the last: exit code 0 after 50ms, before stable_after (10s))
    450    cat CRITICAL 3 failures in a row, the last: exit code 0 after 50ms, before stable_after (10s)`,
  );
});

test('the other exit codes of success count as well, and so does an end before it is ready', () => {
  const ready = { on: 'delay', timeout: 60_000, delay: 20_000, probe: null, interval: 500, pattern: null } as const;
  const story = (policy: Partial<Policy>, code: number) =>
    play({
      services: [aService('web', { ...steady, ...policy })],
      child: { ...obedient, ends: { after: 12_000, code } },
      acts: [],
      until: 12_050,
    });
  assert.match(story({ successExitCodes: [0, 3], stableAfter: 20_000 }, 3), /backoff \(exit code 3 after 12s, before/);
  assert.match(story({ ready }, 0), /starting → backoff \(exit code 0 before it was ready\)/);
  // It was up for stable_after: this is no failure.
  assert.match(story({}, 0), /running → backoff \(exit code 0\)/);
  assert.match(story({ stableAfter: 0 }, 0), /running → backoff \(exit code 0\)/);
});

test('a job that ends well is done, however soon: with on-failure, and with never', () => {
  for (const restart of ['on-failure', 'never'] as const) {
    const told = play({ services: [aService('job', { restart })], child: endsWell, acts: [], until: 60_000 });
    assert.match(told, /50 {5}job running → exited \(exit code 0\)$/);
  }
});

test('a daemon that goes into the background is in a crash loop, whatever it takes to end what remains of it', () => {
  const story = (child: Script, policy: Partial<Policy> = {}) =>
    play({ services: [aService('nginx', { ...steady, ...policy })], child, acts: [], until: 31_000 });
  const children = { count: 2, obeyAfter: 100 };
  assert.match(
    story({ ...endsWell, children }),
    /stopping → backoff \(exit code 0 after 50ms, before stable_after \(10s\); 2 of its processes remained in the background\)/,
  );
  // Ignoring SIGTERM for longer than stable_after is not being up.
  const deaf = story({ ...endsWell, children: { count: 1, obeyAfter: null } }, { stopTimeout: 30_000 });
  assert.match(deaf, /killing → backoff \(exit code 0 after 50ms, .*; a process of it remained in the background\)/);
  // What ends badly and leaves processes behind failed by its exit code.
  assert.match(story({ ...crashing, children }), /stopping → backoff \(exit code 1\)/);
  // With on-failure the end was a success, and what remained was ended.
  assert.match(story({ ...endsWell, children }, { restart: 'on-failure' }), /stopping → exited \(exit code 0\)/);
});

test('an after_stop that takes longer than stable_after makes no run stable', () => {
  const simulation = new Simulation(1, (_, _generation, _version, step) =>
    step === 'main' ? crashing : { ...obedient, ends: { after: 12_000, code: 0 } },
  );
  const afterStop = { command: ['/clean'], timeout: 20_000 } as const;
  simulation.boot(aConfig([aService('web', { ...steady, afterStop })]));
  simulation.runUntil(40_000);
  const backoffs = simulation.transitions.filter(({ what }) => what.to === 'backoff');
  assert.deepEqual(
    backoffs.map(({ what }) => what.failuresInARow),
    [1, 2, 3],
  );
});

test('one that crashes again and again, and is up for stable_after each time, is failed by max_failures_in', () => {
  // Up for 12 s, 60 failures in 12 minutes: none of them in a row.
  const slow: Script = { ...obedient, ends: { after: 12_000, code: 1 } };
  const simulation = (policy: Partial<Policy>) => {
    const it = new Simulation(1, () => slow);
    it.boot(aConfig([aService('web', { ...steady, ...policy })]));
    it.runUntil(720_000);
    return it;
  };
  const told = simulation({ maxFailuresIn: 600_000 });
  const [alert, ...more] = told.effects.filter(({ what }) => what.type === 'alert');
  assert.ok(alert?.what.type === 'alert' && alert.at > 120_000 && alert.at < 180_000, `told after ${alert?.at} ms`);
  assert.match(alert.what.message, /^about 11 failures in 10m \(max_failures_in\), the last: exit code 1$/);
  assert.ok(more.length <= 3, 'not again at each end');
  const pauses = told.transitions
    .filter(({ what }) => what.to === 'failed')
    .map(({ at, what }) => (what.nextAttemptAt ?? 0) - at);
  assert.deepEqual(pauses.slice(0, 4), [3_200, 6_400, 12_800, 25_600]);
  // Where failures are only counted in a row there is none.
  assert.deepEqual(
    simulation({ maxFailuresIn: 0 }).effects.filter(({ what }) => what.type === 'alert'),
    [],
  );
});

test('a failure now and then is not too many', () => {
  // Up for five minutes each time: ten of them in 50 minutes.
  const it = new Simulation(1, () => ({ ...obedient, ends: { after: 300_000, code: 1 } }));
  it.boot(aConfig([aService('web', { ...steady, maxFailures: 3, maxFailuresIn: 600_000 })]));
  it.runUntil(3_600_000);
  assert.equal(it.transitions.filter(({ what }) => what.to === 'failed').length, 0);
});

test('an outage of 30 s of what it needs costs seconds, not five minutes', () => {
  const outage = 30_000;
  const it = new Simulation(1, () => (it.now < outage ? { ...crashing, ends: { after: 300, code: 1 } } : obedient));
  it.boot(aConfig([aService('web', { maxFailuresIn: 600_000 })]));
  it.runUntil(200_000);
  const up = it.transitions.findLast(({ what }) => what.to === 'running');
  assert.ok(up !== undefined && up.at >= outage && up.at < 45_000, `up again at ${up?.at} ms`);
  const alerts = it.effects.filter(({ what }) => what.type === 'alert');
  assert.equal(alerts.length, 1, 'told once');
  assert.ok((alerts[0]?.at ?? 0) > 10_000 && (alerts[0]?.at ?? 0) < 16_000, 'past ten failures');
});

test('a run that was stable before its end stays so when opsd oversleeps while the rest of it ends', () => {
  const it = new Simulation(1, () => ({
    ...obedient,
    ends: { after: 12_000, code: 1 },
    children: { count: 1, obeyAfter: 5_000 },
  }));
  it.boot(aConfig([aService('web', { ...steady, maxFailures: 1, maxFailuresIn: 0, retryFailed: 0 })]));
  it.runUntil(13_000);
  it.oversleep(20_000);
  it.runUntil(120_000);
  assert.notEqual(it.stateOf('web'), 'failed');
  const backoffs = it.transitions.filter(({ what }) => what.to === 'backoff');
  assert.ok(backoffs.length >= 3 && backoffs.every(({ what }) => what.failuresInARow === 1));
});

test('the pauses grow from a few seconds to retry_failed, and the longest are told of again', () => {
  const it = new Simulation(1, () => crashing);
  it.boot(aConfig([aService('web', { ...steady, maxFailures: 0, retryFailed: 20_000 })]));
  it.runUntil(90_000);
  const pauses = it.transitions
    .filter(({ what }) => what.to === 'failed')
    .map(({ at, what }) => (what.nextAttemptAt ?? 0) - at);
  assert.deepEqual(pauses.slice(0, 6), [3_200, 6_400, 12_800, 20_000, 20_000, 20_000]);
  const alerts = it.effects.filter(({ what }) => what.type === 'alert').map(({ at }) => at);
  assert.deepEqual(alerts, [50, 22_600, 42_650, 62_700, 82_750]);
  const policy = aService('web', { retryFailed: 1_000 }).policy;
  assert.equal(pauseBefore(1, { ...policy, backoff: { ...policy.backoff, jitter: 0 } }, 0), 1_000, 'never longer');
  assert.equal(isLongestPause(1, policy), true);
  const lazy = { ...policy, retryFailed: 300_000, backoff: { initial: 100, factor: 1, max: 60_000, jitter: 0 } };
  assert.deepEqual(
    [1, 2, 3, 4].map((pause) => pauseBefore(pause, lazy, 0.5)),
    [120_000, 240_000, 300_000, 300_000],
    'longer than the delays before',
  );
});

test('the start of an operator begins anew: all failures and pauses are forgotten', () => {
  const it = new Simulation(1, () => crashing);
  it.boot(aConfig([aService('web', { ...steady, maxFailures: 1, maxFailuresIn: 600_000 })]));
  it.runUntil(9_000);
  assert.equal(it.state.services[0]?.pausesInARow, 2);
  it.order('restart', 'web');
  it.runUntil(9_100);
  const [web] = it.state.services;
  assert.deepEqual([web?.state.name, web?.failuresInARow, web?.pausesInARow], ['backoff', 1, 0]);
  it.runUntil(9_200);
  const failed = it.transitions.findLast(({ what }) => what.to === 'failed');
  assert.deepEqual([failed?.what.failuresInARow, (failed?.what.nextAttemptAt ?? 0) - (failed?.at ?? 0)], [2, 3_200]);
});

test('an opsd that is killed leaves the series of failures to the next one', () => {
  const config = aConfig([aService('web', { ...steady, maxFailures: 1, maxFailuresIn: 600_000 })]);
  const it = new Simulation(1, () => crashing);
  it.boot(config);
  it.runUntil(9_000);
  const [before] = it.state.services;
  it.crash(config, true);
  const [after] = it.state.services;
  assert.equal(after?.pausesInARow, 2);
  assert.deepEqual(after?.recentFailures, before?.recentFailures);
});

test('who starts it between two crashes is told that it is unstable', () => {
  tells(
    {
      services: [
        aService('web', { ...steady, stableAfter: 3_000 }),
        aService('job', { restart: 'never', enabled: false }),
        aService('retried', { restart: 'on-failure', enabled: false }),
      ],
      child: (service, generation) =>
        service === 'web' ? (generation === 1 ? crashing : obedient) : { ...obedient, ends: { after: 20, code: 0 } },
      acts: [
        [1_000, (it) => it.order('start', 'web')],
        [4_000, (it) => it.order('start', 'web')],
        [5_000, (it) => it.order('start', 'job')],
        [6_000, (it) => it.order('start', 'retried')],
      ],
      until: 7_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    50     web running → backoff (exit code 1)
    150    web backoff → starting (backoff delay over)
    150    web starting → running (up and ready)
    1000   web answer: ok, web is running, but unstable: it failed before, and is stable after 3s
    4000   web answer: ok, web is running
    5000   job stopped → starting (start by test)
    5000   job starting → running (up and ready)
    5000   job answer: ok, job was started
    5020   job running → exited (exit code 0)
    6000   retried stopped → starting (start by test)
    6000   retried starting → running (up and ready)
    6000   retried answer: ok, retried was started
    6020   retried running → exited (exit code 0)`,
  );
});

test('how long it is unstable is known while it runs after a failure, and at no other time', () => {
  const it = new Simulation(1, (_, generation) => (generation === 1 ? crashing : obedient));
  it.boot(aConfig([aService('web', { ...steady, stableAfter: 3_000 })]));
  const at = (time: number) => {
    it.runUntil(time);
    const [web] = it.state.services;
    return web === undefined ? undefined : unstableUntil(web, it.now);
  };
  assert.deepEqual([at(20), at(100), at(160), at(3_140), at(3_150), at(9_000)], [null, null, 3_150, 3_150, null, null]);
});

test('spans are told in the units of the configuration', () => {
  const spans = [0, 50, 999.6, 1_000, 1_234, 9_960, 59_949, 60_000, 90_000, 300_000, 5_400_000, 86_400_000];
  const told = ['0ms', '50ms', '1000ms', '1s', '1.2s', '10s', '59.9s', '1m', '1m30s', '5m', '1h30m', '24h'];
  assert.deepEqual(spans.map(spanText), told);
});
