// One order to many services: who else is stopped with them, in which order, and that a killed opsd goes on with it.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { Simulation } from '../simulation/simulation.ts';
import { aConfig, aService } from '../simulation/specs.ts';
import { obedient, steady, stubborn, written } from '../simulation/story.ts';

const on = (...names: readonly string[]) => names.map((service) => ({ service, until: 'ready' as const }));
const config = aConfig([
  aService('db', steady),
  aService('api', { ...steady, dependsOn: on('db') }),
  aService('web', { ...steady, dependsOn: on('api', 'db') }),
  aService('cron', { ...steady, after: ['db'] }),
]);

function world(): Simulation {
  const simulation = new Simulation(1, () => obedient);
  simulation.boot(config);
  simulation.runUntil(1_000);
  return simulation;
}

/** What is written of what happened from the second second on. */
function told(simulation: Simulation): readonly string[] {
  const lines = written(simulation.effects.filter(({ at }) => at >= 1_000)).split('\n');
  return lines.map((line) => line.replace(/^(\d+) +/, '$1 '));
}

test('a stop is refused where others need the service, and nothing happens', () => {
  const it = world();
  it.order('stop', 'db');
  it.runUntil(2_000);
  assert.deepEqual(told(it), [
    '1000 refused: db cannot be stopped alone: needed by api,web; --cascade stops these first',
  ]);
});

test('a cascade stops dependents first, each answers, and who only comes after is left alone', () => {
  const it = world();
  it.orderAll('stop', ['db'], true);
  it.runUntil(2_000);
  assert.deepEqual(told(it), [
    '1000 web running → stopping (stop by test)',
    '1000 web SIGTERM to its main',
    '1100 web stopping → stopped (stop by test)',
    '1100 web answer: ok, web is stopped',
    '1100 api running → stopping (stop by test)',
    '1100 api SIGTERM to its main',
    '1200 api stopping → stopped (stop by test)',
    '1200 api answer: ok, api is stopped',
    '1200 db running → stopping (stop by test)',
    '1200 db SIGTERM to its main',
    '1300 db stopping → stopped (stop by test)',
    '1300 db answer: ok, db is stopped',
  ]);
});

test('a stop of all waits for those that come after, too', () => {
  const it = world();
  it.orderAll('stop', ['db', 'api', 'web', 'cron']);
  it.runUntil(1_050);
  const { services } = it.state;
  assert.deepEqual(
    services.map(({ state, desired }) => [state.name, desired]),
    [
      ['running', 'down'],
      ['running', 'down'],
      ['stopping', 'down'],
      ['stopping', 'down'],
    ],
  );
});

test('an opsd that is killed in the middle of a cascade leaves the rest of it to the next one', () => {
  for (const at of [1_000, 1_050, 1_100, 1_150, 1_250]) {
    const it = world();
    it.orderAll('stop', ['db'], true);
    it.runUntil(at);
    it.crash(config, true);
    it.runUntil(10_000);
    assert.deepEqual(
      ['db', 'api', 'web', 'cron'].map((name) => it.stateOf(name)),
      ['stopped', 'stopped', 'stopped', 'running'],
      `killed at ${at}`,
    );
    const gone = it.transitions.filter(({ what }) => what.to === 'stopped').map(({ what }) => what.service);
    assert.deepEqual(gone, ['web', 'api', 'db'], `killed at ${at}`);
  }
});

test('what survives SIGKILL does not keep a cascade from going on', () => {
  const it = new Simulation(1, (service) => (service === 'web' ? { ...stubborn, diesAfter: null } : obedient));
  it.boot(config);
  it.runUntil(1_000);
  const id = it.orderAll('stop', ['db'], true);
  it.runUntil(1_000 + 30_000 + 5_000 + 200);
  assert.deepEqual([it.stateOf('web'), it.stateOf('api'), it.stateOf('db')], ['killing', 'stopped', 'stopped']);
  assert.deepEqual(
    it.answers.get(id)?.map(({ ok }) => ok),
    [false, true, true],
  );
});

test('a later start of one that still waits for its turn takes it out of the cascade', () => {
  const it = world();
  it.orderAll('stop', ['db'], true);
  it.runUntil(1_050);
  it.order('start', 'db');
  it.runUntil(5_000);
  assert.deepEqual(
    ['db', 'api', 'web'].map((name) => it.stateOf(name)),
    ['running', 'stopped', 'stopped'],
  );
  assert.ok(told(it).includes('1050 db answer: superseded, stop of db was superseded by start from test'));
});

test('one that fails while it waits for its turn is stopped with that', () => {
  const it = new Simulation(1, (service) =>
    service === 'db' ? { ...obedient, ends: { after: 1_050, code: 1 } } : obedient,
  );
  it.boot(config);
  it.runUntil(1_000);
  it.orderAll('stop', ['db'], true);
  it.runUntil(5_000);
  assert.deepEqual(
    ['db', 'api', 'web'].map((name) => it.stateOf(name)),
    ['stopped', 'stopped', 'stopped'],
  );
  assert.ok(told(it).includes('1050 db answer: ok, db is stopped'));
});
