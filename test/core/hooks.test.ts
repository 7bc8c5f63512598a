// before_start and after_stop as steps of a run: what they hold up, what their ends mean, and that none outlives its time.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { Policy } from '../../src/core/model/spec.ts';
import type { Step } from '../../src/core/model/states.ts';
import type { Script } from '../simulation/host.ts';
import { Simulation } from '../simulation/simulation.ts';
import { aConfig, aService, readyOn } from '../simulation/specs.ts';
import { obedient, steady, stubborn, written } from '../simulation/story.ts';

const before: Partial<Policy> = { ...steady, beforeStart: { command: ['/prepare', 's3cret'], timeout: 1_000 } };
const after: Partial<Policy> = { ...steady, afterStop: { command: ['/clean'], timeout: 1_000 } };
const both: Partial<Policy> = { ...before, ...after };

const works: Script = { ...obedient, ends: { after: 200, code: 0 } };
const fails: Script = { ...obedient, ends: { after: 200, code: 3 } };

/** What each step does. */
function doing(steps: Partial<Record<Step, Script>>) {
  return (_service: string, _generation: number, _version: string, step: Step) => steps[step] ?? obedient;
}

function told(policy: Partial<Policy>, steps: Partial<Record<Step, Script>>, until: number, stopAt?: number): string {
  const simulation = new Simulation(1, doing(steps));
  simulation.boot(aConfig([aService('web', policy)]));
  if (stopAt !== undefined) {
    simulation.runUntil(stopAt);
    simulation.order('stop', 'web');
  }
  simulation.runUntil(until);
  return written(simulation.effects)
    .split('\n')
    .map((line) => line.replace(/^(\d+) +web /, '$1 '))
    .join('\n');
}

function is(actual: string, expected: string): void {
  assert.equal(actual, expected.trim().replaceAll(/^ +/gm, ''));
}

test('the service is spawned when its before_start is gone, and is ready after that', () => {
  is(
    told(before, { before_start: works }, 1_000),
    `
    0 stopped → starting (enabled)
    0 before_start
    200 main
    200 starting → running (up and ready)`,
  );
});

test('a before_start that fails is a failed start that names it without its arguments', () => {
  is(
    told({ ...before, restart: 'never' }, { before_start: fails }, 1_000),
    `
    0 stopped → starting (enabled)
    0 before_start
    200 starting → exited (before_start (/prepare) failed: exit code 3)`,
  );
});

test('what it leaves in the background is killed before the service is spawned', () => {
  const leaves: Script = { ...works, children: { count: 2, obeyAfter: null } };
  is(
    told(before, { before_start: leaves }, 1_000),
    `
    0 stopped → starting (enabled)
    0 before_start
    200 SIGKILL to its before_start
    205 main
    205 starting → running (up and ready)`,
  );
});

test('at its timeout it is killed with all it started, and the start has failed', () => {
  is(
    told({ ...before, restart: 'never' }, { before_start: obedient }, 2_000),
    `
    0 stopped → starting (enabled)
    0 before_start
    1000 starting → killing (before_start (/prepare) was killed: it did not end within 1s)
    1000 SIGKILL to its before_start
    1005 killing → exited (before_start (/prepare) was killed: it did not end within 1s)`,
  );
});

test('ready.timeout includes it', () => {
  const policy = { ...before, restart: 'never' as const, ready: readyOn('fd', 500) };
  is(
    told(policy, { before_start: obedient }, 2_000),
    `
    0 stopped → starting (enabled)
    0 before_start
    500 starting → stopping (not ready within 500ms (ready.on = "fd"))
    500 SIGKILL to its before_start
    505 stopping → exited (not ready within 500ms (ready.on = "fd"))`,
  );
});

test('a stop ends it at once, and after_stop follows', () => {
  is(
    told(both, { before_start: obedient, after_stop: works }, 2_000, 100),
    `
    0 stopped → starting (enabled)
    0 before_start
    100 starting → stopping (stop by test)
    100 SIGKILL to its before_start
    105 after_stop
    305 stopping → stopped (stop by test)
    305 answer: ok, web is stopped`,
  );
});

test('after_stop runs when all is gone, the change of state tells how the service ended, and only then another starts', () => {
  const crash: Script = { ...obedient, ends: { after: 100, code: 7 }, children: { count: 1, obeyAfter: 50 } };
  is(
    told(after, { main: crash, after_stop: works }, 500),
    `
    0 stopped → starting (enabled)
    0 main
    0 starting → running (up and ready)
    100 running → stopping (main process ended (exit code 7), 1 of its processes remain)
    100 SIGTERM to its tree
    150 after_stop
    350 stopping → backoff (exit code 7)
    450 backoff → starting (backoff delay over)
    450 main
    450 starting → running (up and ready)`,
  );
  is(
    told({ ...after, restart: 'never' }, { main: { ...crash, children: null }, after_stop: fails }, 500),
    `
    0 stopped → starting (enabled)
    0 main
    0 starting → running (up and ready)
    100 running → stopping (exit code 7; after_stop runs)
    100 after_stop
    300 after_stop failed: after_stop (/clean) failed: exit code 3
    300 stopping → exited (exit code 7)`,
  );
});

test('an after_stop is killed at its timeout, or when stop_timeout is over', () => {
  is(
    told(after, { after_stop: obedient }, 3_000, 100),
    `
    0 stopped → starting (enabled)
    0 main
    0 starting → running (up and ready)
    100 stopping
    100 SIGTERM to its main
    200 after_stop
    1200 after_stop failed: after_stop (/clean) was killed: it did not end within 1s
    1200 stopping → killing (after_stop (/clean) was killed: it did not end within 1s)
    1200 SIGKILL to its after_stop
    1205 killing → stopped (stop by test)
    1205 answer: ok, web is stopped`.replace('100 stopping', '100 running → stopping (stop by test)'),
  );
  is(
    told({ ...after, stopTimeout: 500 }, { after_stop: obedient }, 3_000, 100),
    `
    0 stopped → starting (enabled)
    0 main
    0 starting → running (up and ready)
    100 running → stopping (stop by test)
    100 SIGTERM to its main
    200 after_stop
    600 after_stop failed: after_stop (/clean) was killed: the time to stop was over
    600 stopping → killing (did not stop within 500ms)
    600 SIGKILL to its after_stop
    605 killing → stopped (stop by test)
    605 answer: ok, web is stopped`,
  );
});

test('after SIGKILL an after_stop has 4 s, and is not taken for what survives it', () => {
  const policy = { ...after, afterStop: { command: ['/clean'] as const, timeout: 60_000 }, stopTimeout: 500 };
  is(
    told(policy, { main: stubborn, after_stop: obedient }, 20_000, 100),
    `
    0 stopped → starting (enabled)
    0 main
    0 starting → running (up and ready)
    100 running → stopping (stop by test)
    100 SIGTERM to its main
    600 stopping → killing (did not stop within 500ms)
    600 SIGKILL to its tree
    605 after_stop
    4605 after_stop failed: after_stop (/clean) was killed: it did not end within 4s
    4605 SIGKILL to its after_stop
    4610 killing → stopped (stop by test)
    4610 answer: ok, web is stopped`,
  );
});

test('a hook that survives SIGKILL is told of, and nothing is started beside it', () => {
  const simulation = new Simulation(1, doing({ before_start: { ...stubborn, diesAfter: null } }));
  simulation.boot(aConfig([aService('web', before)]));
  simulation.runUntil(60_000);
  assert.equal(simulation.stateOf('web'), 'killing');
  assert.deepEqual(
    simulation.alerts.map(({ at, what }) => [at, what]),
    [[6_000, 'web unkillable']],
  );
});

test('an opsd that is killed in the middle of a hook leaves it to the next one, which ends it and begins anew', () => {
  for (const hasMemory of [true, false]) {
    const simulation = new Simulation(1, (_service, generation, _version, step) =>
      step === 'before_start' && generation > 1 ? works : obedient,
    );
    const config = aConfig([aService('web', before)]);
    simulation.boot(config);
    simulation.runUntil(500);
    simulation.crash(config, hasMemory);
    simulation.runUntil(5_000);
    const lines = written(simulation.effects.filter(({ at }) => at >= 500)).split('\n');
    assert.deepEqual(
      lines.map((line) => line.replace(/^(\d+) +web /, '$1 ')),
      [
        '500 stopped → stopping (before_start, which an earlier opsd began, is ended)',
        '500 SIGTERM to its tree',
        '600 stopping → starting (the before_start of an earlier opsd is gone)',
        '600 before_start',
        '800 main',
        '800 starting → running (up and ready)',
      ],
    );
  }
});

test('a service that is not to be up is not started for its hook’s sake, nor a job before its time', () => {
  const timed = { cron: '0 3 * * *', timezone: null, overlap: 'skip' as const, randomDelay: 0, catchUp: false };
  for (const policy of [after, { ...after, restart: 'never' as const, schedule: timed }]) {
    const simulation = new Simulation(1, doing({ after_stop: obedient, main: works }));
    const config = aConfig([aService('web', policy)]);
    simulation.boot(config);
    if (policy === after) simulation.order('stop', 'web');
    else simulation.post({ type: 'scheduled', service: 'web', isMissed: false });
    simulation.runUntil(500);
    assert.deepEqual(
      simulation.host.alive.map(({ step }) => step),
      ['after_stop'],
    );
    simulation.crash(config, true);
    simulation.runUntil(60_000);
    assert.equal(simulation.stateOf('web'), 'stopped');
    assert.deepEqual(simulation.host.alive, []);
  }
});
