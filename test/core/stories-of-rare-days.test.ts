// Stories of what happens rarely: opsd oversleeps, a host has no room, a reload takes an order back, nobody knows how it ended.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Health, ServiceSpec } from '../../src/core/model/spec.ts';
import { Simulation } from '../simulation/simulation.ts';
import { aConfig, aService, readyOn } from '../simulation/specs.ts';
import { type Act, crashing, obedient, steady, tells } from '../simulation/story.ts';

const health: Health = {
  probe: { kind: 'tcp', host: 'localhost', port: 5432 },
  interval: 10_000,
  timeout: 1_000,
  failures: 1,
  successes: 1,
  onFailure: 'restart',
};

function reload(services: readonly ServiceSpec[]): Act[1] {
  return (it) => it.post({ type: 'configured', config: aConfig(services), isFirst: false });
}

test('a host without room is not asked again at once, however short the backoff, and nobody is blamed', () => {
  const eager = { initial: 10, factor: 1, max: 10, jitter: 0 };
  tells(
    {
      services: [aService('web', { backoff: eager, maxFailures: 0 })],
      child: (_, generation) => (generation < 3 ? { ...obedient, spawn: 'transient' } : obedient),
      acts: [],
      until: 1_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → backoff (no spawn: transient)
    100    web backoff → starting (backoff delay over)
    100    web starting → backoff (no spawn: transient)
    200    web backoff → starting (backoff delay over)
    200    web starting → running (up and ready)`,
  );
});

test('enabled = false in a reload is newer than an earlier start by an operator', () => {
  tells(
    {
      services: [aService('web')],
      child: obedient,
      acts: [
        [1_000, (it) => it.order('stop', 'web')],
        [2_000, (it) => it.order('start', 'web')],
        [3_000, reload([aService('web', { enabled: false })])],
      ],
      until: 9_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    1000   web running → stopping (stop by test)
    1000   web SIGTERM to its main
    1100   web stopping → stopped (stop by test)
    1100   web answer: ok, web is stopped
    2000   web stopped → starting (start by test)
    2000   web starting → running (up and ready)
    2000   web answer: ok, web is running
    3000   web running → stopping (no longer enabled)
    3000   web SIGTERM to its main
    3100   web stopping → stopped (no longer enabled)`,
  );
});

test('what an operator started though it is not enabled runs on when a reload changes something else', () => {
  tells(
    {
      services: [aService('web', { enabled: false })],
      child: obedient,
      acts: [
        [1_000, (it) => it.order('start', 'web')],
        [2_000, reload([aService('web', { enabled: false, stopTimeout: 5_000 })])],
      ],
      until: 9_000,
    },
    `
    1000   web stopped → starting (start by test)
    1000   web starting → running (up and ready)
    1000   web answer: ok, web is running`,
  );
});

test('what an operator stopped stays down, though a reload enables and changes it', () => {
  tells(
    {
      services: [aService('web', { enabled: false })],
      child: obedient,
      acts: [
        [1_000, (it) => it.order('start', 'web')],
        [2_000, (it) => it.order('stop', 'web')],
        [3_000, reload([aService('web', { enabled: true }, 2)])],
      ],
      until: 9_000,
    },
    `
    1000   web stopped → starting (start by test)
    1000   web starting → running (up and ready)
    1000   web answer: ok, web is running
    2000   web running → stopping (stop by test)
    2000   web SIGTERM to its main
    2100   web stopping → stopped (stop by test)
    2100   web answer: ok, web is stopped`,
  );
});

test('an adopted service whose end nobody can know has failed: it waits, and its failures are counted', () => {
  const services = [aService('web', { ...steady, maxFailures: 1, retryFailed: 0, stableAfter: 60_000 })];
  tells(
    {
      services,
      // Both would be a success, if anybody could tell.
      child: (_, generation) => ({ ...obedient, ends: { after: generation === 3 ? 90_000 : 2_000, code: 0 } }),
      acts: [
        [1_000, (it) => it.crash(aConfig(services), true)],
        [3_000, (it) => it.crash(aConfig(services), true)],
      ],
      until: 9_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    1000   web stopped → running (adopted from an earlier opsd (pid 1000))
    2000   web running → backoff (exit code unknown: the service was adopted from an earlier opsd, and only the parent of a process gets its exit code)
    2100   web backoff → starting (backoff delay over)
    2100   web starting → running (up and ready)
    3000   web stopped → running (adopted from an earlier opsd (pid 1001))
    4100   web running → failed (2 failures in a row, the last: exit code unknown: the service was adopted from an earlier opsd, and only the parent of a process gets its exit code)
    4100   web CRITICAL 2 failures in a row, the last: exit code unknown: the service was adopted from an earlier opsd, and only the parent of a process gets its exit code`,
  );
});

test('who is at rest is not on the way up again, and takes nobody’s turn to be restarted for its health', () => {
  const simulation = new Simulation(1, () => obedient);
  const never = { health, maxFailures: 0, retryFailed: 0 };
  const services = [
    aService('gone', { ...never, health: { ...health, interval: 1_000 } }),
    aService('left', { ...never, restart: 'never', health: { ...health, interval: 3_000 } }),
    aService('web', { health }),
  ];
  simulation.boot(aConfig(services, { startConcurrency: 1 }));
  simulation.runUntil(6_000);
  assert.deepEqual([simulation.stateOf('gone'), simulation.stateOf('left')], ['failed', 'exited']);
  simulation.runUntil(15_000);
  const restarts = simulation.transitions.filter(({ what }) => what.service === 'web' && what.reason === 'unhealthy');
  assert.notEqual(restarts.length, 0);
});

test('whoever asks after the end of opsd is answered all the same', () => {
  const simulation = new Simulation(1, () => obedient);
  simulation.boot(aConfig([aService('web')]));
  simulation.post({ type: 'handover', by: 'test' });
  const asked = [simulation.order('restart', 'web'), simulation.rollout('undo', 'web')];
  for (const id of asked) {
    assert.deepEqual(simulation.answers.get(id), [{ ok: false, code: 'gone', message: 'opsd is about to exit' }]);
  }
});

test('when opsd oversleeps, nobody is killed who has gone meanwhile', () => {
  tells(
    {
      services: [aService('web', { stopTimeout: 10_000 })],
      child: { ...obedient, obeysAfter: 5_000 },
      acts: [
        [1_000, (it) => it.order('stop', 'web')],
        [2_000, (it) => it.oversleep(30_000)],
      ],
      until: 60_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    1000   web running → stopping (stop by test)
    1000   web SIGTERM to its main
    32000  web stopping → stopped (stop by test)
    32000  web answer: ok, web is stopped`,
  );
});

test('when opsd oversleeps while it shuts down, nobody is killed who has gone meanwhile', () => {
  tells(
    {
      services: [aService('web', { stopTimeout: 10_000 })],
      child: { ...obedient, obeysAfter: 5_000 },
      acts: [
        [1_000, (it) => it.post({ type: 'shutdown', by: 'SIGTERM' })],
        [2_000, (it) => it.oversleep(60_000)],
      ],
      until: 90_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    1000   web running → stopping (opsd is shutting down)
    1000   web SIGTERM to its main
    62000  web stopping → stopped (stopped for the shutdown)
    62000  opsd exits 0: every service is stopped (SIGTERM)`,
  );
});

test('when opsd oversleeps, a service that starts has as long as before to become ready', () => {
  tells(
    {
      services: [aService('web', { ready: readyOn('delay', 30_000, { delay: 5_000 }) })],
      child: obedient,
      acts: [[1_000, (it) => it.oversleep(60_000)]],
      until: 90_000,
    },
    `
    0      web stopped → starting (enabled)
    65000  web starting → running (up and ready)`,
  );
});

test('when opsd oversleeps, a failed service waits as long as before', () => {
  tells(
    {
      services: [aService('web', { backoff: { initial: 10_000, factor: 1, max: 10_000, jitter: 0 } })],
      child: (_, generation) => (generation === 1 ? crashing : obedient),
      acts: [[1_000, (it) => it.oversleep(60_000)]],
      until: 90_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    50     web running → backoff (exit code 1)
    71000  web backoff → starting (backoff delay over)
    71000  web starting → running (up and ready)`,
  );
});

test('when opsd oversleeps, nobody is asked sooner than otherwise, and not all at the same moment', () => {
  const simulation = new Simulation(1, () => obedient);
  const services = Array.from({ length: 30 }, (_, i) =>
    aService(`s${i}`, { health: { ...health, onFailure: 'mark' } }),
  );
  simulation.boot(aConfig(services, { startConcurrency: 30 }));
  const asked = () => simulation.effects.flatMap(({ at, what }) => (what.type === 'probe' ? [at] : []));
  simulation.runUntil(5_000);
  simulation.oversleep(60_000);
  assert.deepEqual(asked(), []);
  simulation.runUntil(72_000);
  assert.equal(asked().length, 30);
  assert.ok(new Set(asked()).size > 15, `${asked()}`);
  assert.ok(
    asked().every((at) => at >= 68_000 && at <= 71_000),
    `${asked()}`,
  );
});

test('when opsd oversleeps, the heartbeats that it did not look for are not missed', () => {
  const simulation = new Simulation(1, () => ({ ...obedient, beats: { every: 8_000, silentAfter: 90_000 } }));
  simulation.boot(aConfig([aService('web', { heartbeat: { timeout: 10_000, grace: 10_000 } })]));
  simulation.runUntil(9_000);
  // The next beat comes a second after opsd is awake again: as if the host had been suspended.
  simulation.oversleep(6_000);
  simulation.runUntil(60_000);
  assert.equal(simulation.stateOf('web'), 'running');
  simulation.runUntil(110_000);
  assert.ok(simulation.transitions.some(({ what }) => what.reason === 'heartbeat_lost'));
});

test('when opsd oversleeps and hears of something else first, nobody pays for it either', () => {
  const simulation = new Simulation(1, (service) =>
    service === 'web'
      ? { ...obedient, beats: { every: 1_000, silentAfter: 90_000 } }
      : { ...obedient, ends: { after: 5_000, code: 1 } },
  );
  const other = { restart: 'never' as const };
  simulation.boot(
    aConfig([aService('web', { heartbeat: { timeout: 3_000, grace: 3_000 } }), aService('other', other)]),
  );
  simulation.runUntil(4_500);
  simulation.oversleep(30_000, 'news');
  simulation.runUntil(60_000);
  assert.deepEqual(
    simulation.transitions.map(({ at, what }) => `${at} ${what.service} ${what.to}`),
    ['0 web starting', '0 other starting', '0 web running', '0 other running', '34500 other exited'],
  );
});

test('when opsd oversleeps, a job that has ended meanwhile has not run into its timeout', () => {
  tells(
    {
      services: [aService('job', { restart: 'never', timeout: 10_000 })],
      child: { ...obedient, ends: { after: 5_000, code: 0 } },
      acts: [[1_000, (it) => it.oversleep(30_000)]],
      until: 90_000,
    },
    `
    0      job stopped → starting (enabled)
    0      job starting → running (up and ready)
    31000  job running → exited (exit code 0)`,
  );
});

test('when opsd oversleeps, a job has as long as before until its timeout, and its start stays when it was', () => {
  const simulation = new Simulation(1, () => obedient);
  simulation.boot(aConfig([aService('job', { restart: 'never', timeout: 10_000 })]));
  simulation.runUntil(1_000);
  simulation.oversleep(30_000);
  simulation.runUntil(39_999);
  const [service] = simulation.state.services;
  assert.ok(service?.state.name === 'running');
  assert.equal(service.state.run.startedAt, 0);
  simulation.runUntil(40_000);
  assert.equal(simulation.transitions.at(-1)?.what.reason, 'run_timeout');
});

test('when opsd oversleeps, a service that was given up is not tried again the sooner', () => {
  tells(
    {
      services: [aService('web', { ...steady, maxFailures: 0, retryFailed: 10_000 })],
      child: (_, generation) => (generation === 1 ? crashing : obedient),
      acts: [[1_000, (it) => it.oversleep(60_000)]],
      until: 90_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    50     web running → failed (exit code 1)
    50     web CRITICAL exit code 1
    64200  web failed → starting (the pause after too many failures is over)
    64200  web starting → running (up and ready)`,
  );
});

test('when opsd oversleeps, what it did not see does not make a service stable', () => {
  const simulation = new Simulation(1, () => ({ ...obedient, ends: { after: 1_500, code: 1 } }));
  simulation.boot(aConfig([aService('web', { maxFailures: 1, retryFailed: 0, stableAfter: 10_000 })]));
  simulation.runUntil(1_000);
  simulation.oversleep(30_000);
  simulation.runUntil(40_000);
  assert.deepEqual([simulation.stateOf('web'), simulation.state.services[0]?.failuresInARow], ['failed', 2]);
});
