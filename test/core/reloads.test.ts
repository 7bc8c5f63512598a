// What a configuration makes of a service in each situation: what runs in the end, of which version, started how often.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Policy, Schedule, ServiceSpec } from '../../src/core/model/spec.ts';
import { Simulation } from '../simulation/simulation.ts';
import { aConfig, aService } from '../simulation/specs.ts';
import { crashing, obedient } from '../simulation/story.ts';

const nightly: Schedule = { cron: '0 3 * * *', timezone: null, overlap: 'skip', randomDelay: 0, catchUp: false };
const job: Partial<Policy> = { restart: 'never', schedule: nightly };
const lasting: Partial<Policy> = { backoff: { initial: 5_000, factor: 1, max: 5_000, jitter: 0 } };

type Act = readonly [at: number, (it: Simulation) => void];

const reload =
  (...services: readonly ServiceSpec[]) =>
  (it: Simulation) =>
    it.post({ type: 'configured', config: aConfig(services), isFirst: false });
const web = (version: number, policy: Partial<Policy> = {}) => reload(aService('web', policy, version));
const order = (action: 'start' | 'stop' | 'restart') => (it: Simulation) => it.order(action, 'web');

/** Begins with version 1; a stop takes a second, and so does a crash where it has one. */
function play(acts: readonly Act[], { policy = {}, crashes = false, ends = 60_000 } = {}): Simulation {
  const child = crashes ? { ...crashing, ends: { after: 1_000, code: 1 } } : { ...obedient, obeysAfter: 1_000 };
  const simulation = new Simulation(1, (_, generation) =>
    generation === 1 ? child : { ...obedient, obeysAfter: 1_000 },
  );
  simulation.boot(aConfig([aService('web', policy)]));
  for (const [at, act] of acts) {
    simulation.runUntil(at);
    act(simulation);
  }
  simulation.runUntil(ends);
  return simulation;
}

/** "running, version 2, started 2 times" */
function endOf(simulation: Simulation): string {
  const [service] = simulation.state.services;
  if (service === undefined) return 'forgotten';
  const { spec, state, generation } = service;
  return `${state.name}, version ${spec.launch.command[1]}, started ${generation} times`;
}

const rows: readonly (readonly [situation: string, acts: readonly Act[], end: string, Parameters<typeof play>[1]?])[] =
  [
    ['nothing changes', [[5_000, web(1)]], 'running, version 1, started 1 times'],
    ['another command', [[5_000, web(2)]], 'running, version 2, started 2 times'],
    ['something that changes in place', [[5_000, web(1, { maxFailures: 1 })]], 'running, version 1, started 1 times'],
    ['another command, and not enabled', [[5_000, web(2, { enabled: false })]], 'stopped, version 2, started 1 times'],
    [
      'enabled again before it is gone',
      [
        [5_000, web(1, { enabled: false })],
        [5_500, web(1)],
      ],
      'running, version 1, started 2 times',
    ],
    [
      'another command, then the one before, before it is gone',
      [
        [5_000, web(2)],
        [5_500, web(1)],
      ],
      'running, version 1, started 2 times',
    ],
    [
      'another command, then one more, before it is gone',
      [
        [5_000, web(2)],
        [5_500, web(3)],
      ],
      'running, version 3, started 2 times',
    ],
    [
      'another command, then something in place, before it is gone',
      [
        [5_000, web(2)],
        [5_500, web(2, { maxFailures: 1 })],
      ],
      'running, version 2, started 2 times',
    ],
    [
      'another command, then not enabled, before it is gone',
      [
        [5_000, web(2)],
        [5_500, web(2, { enabled: false })],
      ],
      'stopped, version 2, started 1 times',
    ],
    [
      'another command while an operator restarts it',
      [
        [5_000, order('restart')],
        [5_500, web(2)],
      ],
      'running, version 2, started 2 times',
    ],
    [
      'in place while an operator restarts it',
      [
        [5_000, order('restart')],
        [5_500, web(1, { maxFailures: 1 })],
      ],
      'running, version 1, started 2 times',
    ],
    [
      'another command while an operator stops it',
      [
        [5_000, order('stop')],
        [5_500, web(2)],
      ],
      'stopped, version 2, started 1 times',
    ],
    [
      'another command while it is stopped by an operator, who starts it later',
      [
        [5_000, order('stop')],
        [9_000, web(2)],
        [10_000, order('start')],
      ],
      'running, version 2, started 2 times',
    ],
    [
      'switched off and on again while an operator’s stop holds',
      [
        [5_000, order('stop')],
        [9_000, web(1, { enabled: false })],
        [10_000, web(1)],
      ],
      'stopped, version 1, started 1 times',
    ],
    [
      'switched off, which is newer than an operator’s start, and on again',
      [
        [5_000, order('start')],
        [9_000, web(1, { enabled: false })],
        [20_000, web(1)],
      ],
      'running, version 1, started 2 times',
    ],
    ['removed', [[5_000, reload()]], 'forgotten'],
    [
      'removed, and back before it is gone',
      [
        [5_000, reload()],
        [5_500, web(1)],
      ],
      'running, version 1, started 2 times',
    ],
    [
      'removed, and back after it is gone',
      [
        [5_000, reload()],
        [9_000, web(1)],
      ],
      'running, version 1, started 2 times',
    ],
    [
      'another command during its backoff: it is tried at once',
      [[3_000, web(2, lasting)]],
      'running, version 2, started 2 times',
      { policy: lasting, crashes: true, ends: 4_000 },
    ],
    [
      'in place during its backoff: it waits on',
      [[3_000, web(1, { ...lasting, maxFailures: 2 })]],
      'backoff, version 1, started 1 times',
      { policy: lasting, crashes: true, ends: 4_000 },
    ],
    [
      'not enabled during its backoff',
      [[3_000, web(1, { ...lasting, enabled: false })]],
      'stopped, version 1, started 1 times',
      { policy: lasting, crashes: true },
    ],
    [
      'another command for a job that has ended: the clock starts it',
      [
        [2_000, (it) => it.post({ type: 'scheduled', service: 'web', isMissed: false })],
        [9_000, web(2, job)],
      ],
      'exited, version 2, started 1 times',
      { policy: job, crashes: true },
    ],
    [
      'another command for a job that has not run',
      [[2_000, web(2, job)]],
      'stopped, version 2, started 0 times',
      { policy: job },
    ],
  ];

for (const [situation, acts, end, how] of rows) {
  test(`a configuration comes into force: ${situation}`, () => {
    assert.equal(endOf(play(acts, how)), end);
  });
}

test('who is removed while it waits for its turn, and comes back, runs on', () => {
  const simulation = new Simulation(1, () => ({ ...obedient, obeysAfter: 1_000 }));
  const services = [aService('db'), aService('api', { dependsOn: [{ service: 'db', until: 'ready' }] })];
  simulation.boot(aConfig(services));
  simulation.runUntil(5_000);
  reload()(simulation);
  simulation.runUntil(5_500);
  reload(...services)(simulation);
  simulation.runUntil(20_000);
  assert.deepEqual(
    simulation.state.services.map(({ spec, state, generation }) => [spec.name, state.name, generation]),
    [
      ['db', 'running', 1],
      ['api', 'running', 2],
    ],
  );
});

test('what is told of a reload is why it was: the configuration, and not the boot', () => {
  const simulation = play([[5_000, reload(aService('web'), aService('db'))]]);
  const told = simulation.transitions.flatMap(({ what }) =>
    what.from === 'stopped' ? [`${what.service}: ${what.reason}, ${what.detail}`] : [],
  );
  assert.deepEqual(told, ['web: boot, enabled', 'db: configuration, new in the configuration']);
  const settings = simulation.effects.flatMap(({ what }) => (what.type === 'settings' ? [what.service] : []));
  assert.deepEqual([...new Set(settings)], ['web', 'db'], 'os/ hears of the settings of each');
});

test('a configuration that comes during a shutdown starts nothing', () => {
  const simulation = play([
    [5_000, (it) => it.post({ type: 'shutdown', by: 'test' })],
    [5_500, reload(aService('web', {}, 2), aService('db'))],
  ]);
  assert.deepEqual(simulation.exited?.code, 0);
  assert.equal(endOf(simulation), 'stopped, version 1, started 1 times');
  assert.equal(simulation.state.services.length, 1);
});

test('a service that ends by itself while it is deferred is started in its new form once, not again after its dependents', () => {
  const simulation = new Simulation(1, (service, generation) => {
    if (generation > 1) return obedient;
    return service === 'db' ? { ...crashing, ends: { after: 5_500, code: 1 } } : { ...obedient, obeysAfter: 2_000 };
  });
  const services = (version: number) => [
    aService('db', lasting, version),
    aService('api', { dependsOn: [{ service: 'db', until: 'ready' }] }, version),
  ];
  simulation.boot(aConfig(services(1)));
  simulation.runUntil(5_000);
  reload(...services(2))(simulation);
  simulation.runUntil(20_000);
  assert.deepEqual(
    simulation.state.services.map(({ spec, state, generation }) => [spec.name, state.name, generation]),
    [
      ['db', 'running', 2],
      ['api', 'running', 2],
    ],
  );
});
