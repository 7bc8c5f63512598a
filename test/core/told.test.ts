// What others are told along the way: PID files, settings, when it is tried again, and what a state means.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delayBefore, draw } from '../../src/core/life/backoff.ts';
import type { Effect } from '../../src/core/model/effects.ts';
import { newService } from '../../src/core/model/initial.ts';
import { isLiveState, isRestingState, STATES } from '../../src/core/model/states.ts';
import type { Script } from '../simulation/host.ts';
import { Simulation } from '../simulation/simulation.ts';
import { aConfig, aService } from '../simulation/specs.ts';
import { crashing, obedient, steady } from '../simulation/story.ts';

function played(script: Script, acts: (it: Simulation) => void, until = 9_000): Simulation {
  const simulation = new Simulation(1, (_, generation) => (generation === 1 ? script : obedient));
  simulation.boot(aConfig([aService('web', { ...steady, maxFailures: 0, retryFailed: 4_000 })]));
  acts(simulation);
  simulation.runUntil(until);
  return simulation;
}

function effectsOf(simulation: Simulation, ...types: readonly Effect['type'][]): readonly string[] {
  return simulation.effects.flatMap(({ at, what }) => (types.includes(what.type) ? [`${at} ${what.type}`] : []));
}

test('the PID file is there from the start of the main process to its end, whatever it leaves behind', () => {
  const stop = (it: Simulation) => {
    it.runUntil(1_000);
    it.order('stop', 'web');
  };
  const plain = played(obedient, stop);
  assert.deepEqual(effectsOf(plain, 'write_pid', 'remove_pid'), ['0 write_pid', '1100 remove_pid']);
  const leaving = played({ ...obedient, children: { count: 2, obeyAfter: 500 } }, stop);
  assert.deepEqual(effectsOf(leaving, 'write_pid', 'remove_pid'), ['0 write_pid', '1100 remove_pid']);
  assert.equal(leaving.stateOf('web'), 'stopped');
});

test('who ends leaving others behind has no PID file any more, and is not signalled by a PID', () => {
  const simulation = played({ ...crashing, children: { count: 2, obeyAfter: null } }, () => {}, 200);
  assert.deepEqual(effectsOf(simulation, 'write_pid', 'remove_pid'), ['0 write_pid', '50 remove_pid']);
  const [service] = simulation.state.services;
  assert.ok(service?.state.name === 'stopping');
  assert.equal(service.state.run.pid, null);
  const id = simulation.rollout('undo', 'nothing');
  assert.equal(simulation.answers.get(id)?.length, 1);
});

test('the settings of a new version are told before it is started', () => {
  const simulation = played(obedient, (it) => {
    it.runUntil(1_000);
    it.post({ type: 'configured', config: aConfig([aService('web', {}, 2)]), isFirst: false });
  });
  const told = simulation.effects.flatMap(({ what }) => {
    if (what.type === 'settings') return [`settings ${what.spec?.launch.command[1]}`];
    return what.type === 'spawn' ? [`spawn ${what.spec.launch.command[1]}`] : [];
  });
  assert.deepEqual(told, ['settings 1', 'spawn 1', 'settings 2', 'spawn 2']);
});

test('news of a failure says when it is tried again, and no other news does', () => {
  const simulation = new Simulation(1, () => crashing);
  simulation.boot(
    aConfig([
      aService('web', { ...steady, maxFailures: 1, retryFailed: 4_000 }),
      aService('db', { ...steady, maxFailures: 0, retryFailed: 0 }),
    ]),
  );
  simulation.runUntil(300);
  const news = simulation.transitions.map(({ what }) => [what.service, what.to, what.nextAttemptAt]);
  assert.deepEqual(
    news.filter(([, , at]) => at !== null),
    [
      ['web', 'backoff', 150],
      ['web', 'failed', 200 + 3_200],
    ],
  );
  assert.ok(news.some(([service, to]) => service === 'db' && to === 'failed'));
});

test('one that has not been started says why', () => {
  assert.equal(newService(aService('web'), 0, 0).lastDetail, 'not started yet');
  assert.equal(newService(aService('web', { enabled: false }), 0, 0).lastDetail, 'not enabled (enabled = false)');
});

test('of the states some have a process, some rest, and some are on their way', () => {
  assert.deepEqual(STATES.filter(isLiveState), ['starting', 'running', 'stopping', 'killing']);
  assert.deepEqual(STATES.filter(isRestingState), ['stopped', 'failed', 'exited']);
});

test('the delay grows from try to try up to its limit, spread to both sides', () => {
  const backoff = { initial: 100, factor: 2, max: 1_600, jitter: 0 };
  const delays = [1, 2, 3, 4, 5, 6, 7, 5_000].map((attempt) => delayBefore(attempt, backoff, 0.5));
  assert.deepEqual(delays, [100, 200, 400, 800, 1_600, 1_600, 1_600, 1_600]);
  const spread = { ...backoff, jitter: 0.1 };
  assert.deepEqual(
    [0, 0.5, 1].map((random) => Math.round(delayBefore(2, spread, random))),
    [180, 200, 220],
  );
  assert.equal(delayBefore(5_000, { ...backoff, initial: 0 }, 0.5), 0, 'no delay stays none');
});

test('chance is spread evenly, and the same again from the same seed', () => {
  const drawn: number[] = [];
  for (let seed = 1, i = 0; i < 10_000; i += 1) {
    const next = draw(seed);
    seed = next.seed;
    drawn.push(next.random);
  }
  assert.ok(drawn.every((random) => random >= 0 && random < 1));
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const count = drawn.filter((random) => Math.floor(random * 10) === tenth).length;
    assert.ok(count > 850 && count < 1_150, `${count} of 10,000 in tenth ${tenth}`);
  }
  // One after the other has nothing to do with the one before.
  const rising = drawn.filter((random, i) => i > 0 && random > (drawn[i - 1] ?? 0)).length;
  assert.ok(rising > 4_800 && rising < 5_200, `${rising}`);
  assert.deepEqual(draw(42), draw(42));
});
