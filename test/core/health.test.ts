// What answers in a row say of a service, when many are asked, and how many of them may go down for their answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../src/core/model/events.ts';
import type { Health } from '../../src/core/model/spec.ts';
import { step } from '../../src/core/supervisor.ts';
import { Simulation } from '../simulation/simulation.ts';
import { aConfig, aService, readyOn } from '../simulation/specs.ts';
import { obedient } from '../simulation/story.ts';
import { startedState } from '../support/started-state.ts';

const SERVICES = 30;
const health: Health = {
  probe: { kind: 'tcp', host: 'localhost', port: 5432 },
  interval: 10_000,
  timeout: 1_000,
  failures: 2,
  successes: 1,
  onFailure: 'restart',
};

/** All become ready at the same moment; nobody beats, so each answer is a no. */
function many(startConcurrency: number, count = SERVICES): Simulation {
  const simulation = new Simulation(1, () => obedient);
  const services = Array.from({ length: count }, (_, i) => aService(`s${i}`, { health }));
  simulation.boot(aConfig(services, { startConcurrency: count }));
  simulation.post({ type: 'configured', config: aConfig(services, { startConcurrency }), isFirst: false });
  return simulation;
}

test('services that became ready together are not asked together (edge case 47)', () => {
  const simulation = many(8);
  simulation.runUntil(11_000);
  const asked = simulation.effects.flatMap(({ at, what }) => (what.type === 'probe' ? [at] : []));
  assert.equal(asked.length, SERVICES);
  assert.ok(
    asked.every((at) => at >= 9_000 && at <= 11_000),
    `${asked}`,
  );
  const busiest = Math.max(...asked.map((from) => asked.filter((at) => at >= from && at < from + 200).length));
  assert.ok(busiest <= SERVICES / 3, `${busiest} of ${SERVICES} were asked within 200ms: ${asked}`);
});

test('hundreds of questions wake opsd some dozens of times', () => {
  const simulation = many(8, 300);
  simulation.runUntil(11_000);
  const asked = simulation.effects.flatMap(({ at, what }) => (what.type === 'probe' ? [at] : []));
  assert.equal(asked.length, 300);
  // 2 s of jitter, in steps of 25 ms.
  assert.ok(new Set(asked).size <= 81, `${new Set(asked).size} moments`);
});

test('no more are down for their health at once than may start at once (edge case 47)', () => {
  const simulation = many(4);
  let most = 0;
  simulation.check = ({ state }) => {
    most = Math.max(most, state.services.filter((service) => service.state.name !== 'running').length);
  };
  simulation.runUntil(60_000);
  const restarted = new Set(
    simulation.transitions.flatMap(({ what }) => (what.reason === 'unhealthy' ? [what.service] : [])),
  );
  assert.equal(restarted.size, SERVICES, 'its turn comes to each');
  assert.equal(most, 4);
});

test('readiness over the network asks again when nobody answers, and says at last what the answer was', () => {
  const simulation = new Simulation(1, () => obedient);
  const probe = { kind: 'tcp', host: 'localhost', port: 80 } as const;
  simulation.boot(aConfig([aService('web', { ready: readyOn('tcp', 20_000, { probe, interval: 500 }) })]));
  simulation.runUntil(19_000);
  const asked = simulation.effects.flatMap(({ what }) => (what.type === 'probe' ? [what.timeout] : []));
  assert.ok(asked.length > 1 && asked.every((timeout) => timeout === 5_000), `${asked}`);
  simulation.runUntil(21_000);
  const stopping = simulation.transitions.find(({ what }) => what.to === 'stopping');
  assert.match(stopping?.what.detail ?? '', /^not ready within 20s \(ready\.on = "tcp"\); the last answer: /);
});

test('with on_failure = "mark" it runs on: not healthy after `failures` noes in a row, healthy again after `successes` yeses', () => {
  let state = startedState(
    aConfig([aService('web', { health: { ...health, failures: 2, successes: 3, onFailure: 'mark' } })]),
  );
  const news = (isGood: boolean) => {
    const event: Event = { type: 'probed', service: 'web', generation: 1, isGood, detail: 'an answer' };
    const [next, effects] = step(state, event, 0);
    state = next;
    return effects.map((effect) => (effect.type === 'health' ? effect.isHealthy : effect.type));
  };
  const [yes, no] = [true, false];
  const answers = [no, yes, no, no, no, yes, yes, no, yes, yes, yes, yes, no, no];
  assert.deepEqual(
    answers.map((answer) => [answer, ...news(answer)]),
    [
      ...[[no], [yes], [no], [no, false], [no]],
      ...[[yes], [yes], [no], [yes], [yes], [yes, true], [yes]],
      ...[[no], [no, false]],
    ],
  );
  assert.deepEqual(
    state.services.map(({ state: { name }, generation }) => [name, generation]),
    [['running', 1]],
  );
});

test('unhealthy is told once, and healthy when the probe succeeds again, whatever became of the runs in between', () => {
  const config = (onFailure: Health['onFailure']) =>
    aConfig([aService('web', { health: { ...health, failures: 1, onFailure } })]);
  const world = (onFailure: Health['onFailure']) => {
    let state = startedState(config(onFailure));
    return (...events: readonly Event[]) =>
      events.flatMap((event) => {
        const [next, effects] = step(state, event, 0);
        state = next;
        return effects.flatMap((effect) => (effect.type === 'health' ? [effect.isHealthy] : []));
      });
  };
  const probed = (generation: number, isGood: boolean): Event => {
    return { type: 'probed', service: 'web', generation, isGood, detail: 'an answer' };
  };
  const ends = { type: 'exited', service: 'web', exit: { code: 1, signal: null, oom: false }, left: 0 } as const;
  const again: readonly Event[] = [
    { type: 'order', id: 1, action: 'start', services: ['web'], by: 'test' },
    { type: 'spawned', service: 'web', generation: 2, pid: 2_000 },
  ];
  const crashed = [{ ...ends, generation: 1 }, ...again];
  const marked = world('mark');
  assert.deepEqual(marked(probed(1, true)), [], 'never unhealthy');
  assert.deepEqual(marked(probed(1, false), ...crashed, probed(2, false), probed(2, false)), [false]);
  assert.deepEqual(marked(probed(2, true), probed(2, true)), [true]);
  const restarted = world('restart');
  assert.deepEqual(restarted(probed(1, false), ...crashed, probed(2, true)), [false, true]);
});

test('the next opsd tells that it is healthy again; without a probe nobody waits for that', () => {
  const simulation = new Simulation(1, () => obedient);
  const marking = { ...health, failures: 1, onFailure: 'mark' } as const;
  const config = aConfig([aService('web', { health: marking })]);
  simulation.boot(config);
  simulation.runUntil(15_000);
  assert.equal(simulation.state.services[0]?.isUnhealthy, true);
  simulation.crash(config, true);
  assert.equal(simulation.state.services[0]?.isUnhealthy, true);
  simulation.post({ type: 'configured', config: aConfig([aService('web')]), isFirst: false });
  assert.equal(simulation.state.services[0]?.isUnhealthy, false);
});

test('a service that has written nothing when its readiness is overdue is told to flush', () => {
  const told = (events: readonly Event[], on: 'log' | 'fd' = 'log') => {
    const simulation = new Simulation(1, () => obedient);
    simulation.boot(
      aConfig([aService('web', { ready: readyOn(on, 20_000, { pattern: on === 'log' ? 'up' : null }) })]),
    );
    simulation.runUntil(1_000);
    for (const event of events) simulation.post(event);
    simulation.runUntil(21_000);
    return simulation.transitions.find(({ what }) => what.to === 'stopping')?.what.detail ?? '';
  };
  const wrote: Event = { type: 'wrote', service: 'web', generation: 1 };
  assert.match(
    told([]),
    /^not ready within 20s \(ready\.on = "log"\); its log is empty: .*PYTHONUNBUFFERED=1.*stdbuf -oL/,
  );
  assert.equal(told([wrote]), 'not ready within 20s (ready.on = "log")');
  assert.match(told([{ ...wrote, generation: 7 }]), /its log is empty/, 'what an earlier one wrote does not count');
  assert.equal(told([], 'fd'), 'not ready within 20s (ready.on = "fd")');
});

test('what is written before the spawn is told counts, too', () => {
  let state = startedState(aConfig([aService('web', { ready: readyOn('log', 20_000, { pattern: 'up' }) })]));
  const restart: Event = { type: 'order', id: 1, action: 'restart', services: ['web'], by: 'test' };
  const exit = { code: 0, signal: null, oom: false } as const;
  for (const event of [
    restart,
    { type: 'exited', service: 'web', generation: 1, exit, left: 0 },
    { type: 'wrote', service: 'web', generation: 2 },
    { type: 'spawned', service: 'web', generation: 2, pid: 2_000 },
  ] as const) {
    [state] = step(state, event, 1);
  }
  const [web] = state.services;
  assert.ok(web?.state.name === 'starting' && web.state.run.check.hasWritten);
});

test('what the last failed probe wrote is known until one succeeds', () => {
  let state = startedState(aConfig([aService('web', { health: { ...health, failures: 9 } })]));
  const answer = (isGood: boolean, words: { readonly output?: string } = {}) => {
    const event: Event = { type: 'probed', service: 'web', generation: 1, isGood, detail: 'an answer', ...words };
    [state] = step(state, event, 0);
    return state.services[0]?.lastProbeOutput;
  };
  assert.equal(answer(false, { output: 'no db' }), 'no db');
  assert.equal(answer(false), null, 'the last one wrote nothing');
  assert.equal(answer(false, { output: 'no db' }), 'no db');
  assert.equal(answer(true), null);
});

test('one that was stopped takes nobody’s place among those that are down for their health', () => {
  const simulation = many(1, 2);
  const unhealthy = () =>
    simulation.transitions.flatMap(({ what }) => (what.reason === 'unhealthy' ? [what.service] : []));
  while (unhealthy().length === 0) simulation.runUntil(simulation.now + 100);
  const [first = ''] = unhealthy();
  simulation.order('stop', first);
  simulation.runUntil(simulation.now + 60_000);
  assert.equal(simulation.stateOf(first), 'stopped');
  assert.ok(new Set(unhealthy()).size === 2, `${unhealthy()}`);
});
