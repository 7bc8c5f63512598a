// Stories of rollouts: who goes when, who is left alone, and how it ends, for reading.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { Config } from '../../src/core/model/config.ts';
import type { Policy, RolloutPolicy } from '../../src/core/model/spec.ts';
import { rolloutNote } from '../../src/core/rollout/note.ts';
import type { Script } from '../simulation/host.ts';
import { Simulation } from '../simulation/simulation.ts';
import { aGroup, readyOn } from '../simulation/specs.ts';
import { crashing, obedient, steady, written } from '../simulation/story.ts';

const policy: Partial<Policy> = { ...steady, ready: readyOn('delay', 5_000, { delay: 500 }) };
const ONE: RolloutPolicy = { maxUnavailable: 1, maxSurge: 0, onFailure: 'stop' };
const SURGE: RolloutPolicy = { maxUnavailable: 0, maxSurge: 1, onFailure: 'stop' };

const configOf = (count: number, rollout: RolloutPolicy, version: number) =>
  aGroup('web', count, rollout, policy, version);

/** Version 1 is up at 500; version 3 crashes. */
function begin(
  config: Config,
  childOf: (version: string) => Script = (version) => (version === '3' ? crashing : obedient),
) {
  const simulation = new Simulation(1, (_service, _generation, version) => childOf(version));
  simulation.boot(config);
  simulation.runUntil(10_000);
  return simulation;
}

const reload = (simulation: Simulation, config: Config) =>
  simulation.post({ type: 'configured', config, isFirst: false });

function tells(simulation: Simulation, expected: string): void {
  assert.equal(written(simulation.effects.filter(({ at }) => at >= 10_000)), expected.trim().replaceAll(/^ {4}/gm, ''));
}

test('a reload changes one instance after the other, each when the one before it is ready', () => {
  const it = begin(configOf(2, ONE, 1));
  reload(it, configOf(2, ONE, 2));
  it.runUntil(20_000);
  tells(
    it,
    `
    10000  web rollout begun: 2 of 2 are changed, one after the other
    10000  web@1 running → stopping (its configuration changed (rollout of web))
    10000  web@1 SIGTERM to its main
    10100  web@1 stopping → starting (its configuration changed (rollout of web))
    10600  web@1 starting → running (up and ready)
    10600  web@2 running → stopping (its configuration changed (rollout of web))
    10600  web@2 SIGTERM to its main
    10700  web@2 stopping → starting (its configuration changed (rollout of web))
    11200  web@2 starting → running (up and ready)
    11200  web rollout done: 2 changed, and ready`,
  );
});

test('a stand-in is ready before the first one goes, and goes when the last one is ready', () => {
  const it = begin(configOf(2, SURGE, 1));
  reload(it, configOf(2, SURGE, 2));
  it.runUntil(20_000);
  tells(
    it,
    `
    10000  web rollout begun: 2 of 2 are changed, one after the other
    10000  web@3 stopped → starting (surge instance of the rollout of web)
    10500  web@3 starting → running (up and ready)
    10500  web@1 running → stopping (its configuration changed (rollout of web))
    10500  web@1 SIGTERM to its main
    10600  web@1 stopping → starting (its configuration changed (rollout of web))
    11100  web@1 starting → running (up and ready)
    11100  web@2 running → stopping (its configuration changed (rollout of web))
    11100  web@2 SIGTERM to its main
    11200  web@2 stopping → starting (its configuration changed (rollout of web))
    11700  web@2 starting → running (up and ready)
    11700  web@3 running → stopping (surge instance no longer needed after the rollout of web)
    11700  web@3 SIGTERM to its main
    11700  web rollout done: 2 changed, and ready
    11800  web@3 stopping → stopped (surge instance no longer needed after the rollout of web)`,
  );
});

test('a bad version stops at the first; the file is corrected, and the rest follows', () => {
  const it = begin(configOf(2, ONE, 1));
  reload(it, configOf(2, ONE, 3));
  it.runUntil(10_200);
  reload(it, configOf(2, ONE, 2));
  it.runUntil(20_000);
  tells(
    it,
    `
    10000  web rollout begun: 2 of 2 are changed, one after the other
    10000  web@1 running → stopping (its configuration changed (rollout of web))
    10000  web@1 SIGTERM to its main
    10100  web@1 stopping → starting (its configuration changed (rollout of web))
    10150  web@1 starting → backoff (exit code 1)
    10150  web rollout stopped: stopped, web@1 did not get ready: exit code 1; as before: web@2; go back with: opsd ctl rollout undo web, or correct the configuration, then: opsd ctl reload
    10200  web@1 backoff → starting (its configuration changed (rollout of web))
    10200  web rollout begun: 2 of 2 are changed, one after the other
    10700  web@1 starting → running (up and ready)
    10700  web@2 running → stopping (its configuration changed (rollout of web))
    10700  web@2 SIGTERM to its main
    10800  web@2 stopping → starting (its configuration changed (rollout of web))
    11300  web@2 starting → running (up and ready)
    11300  web rollout done: 2 changed, and ready`,
  );
});

test('with "rollback" the one that failed is what it was before', () => {
  const rollout: RolloutPolicy = { ...ONE, onFailure: 'rollback' };
  const it = begin(configOf(2, rollout, 1));
  reload(it, configOf(2, rollout, 3));
  it.runUntil(20_000);
  tells(
    it,
    `
    10000  web rollout begun: 2 of 2 are changed, one after the other
    10000  web@1 running → stopping (its configuration changed (rollout of web))
    10000  web@1 SIGTERM to its main
    10100  web@1 stopping → starting (its configuration changed (rollout of web))
    10150  web@1 starting → backoff (exit code 1)
    10150  web@1 backoff → starting (back to its configuration before (rollout of web))
    10150  web rollout turned_back: web@1 did not get ready: exit code 1; 1 of 2 are rolled back
    10650  web@1 starting → running (up and ready)
    10650  web rollout rolled_back: web@1 did not get ready: exit code 1; 1 rolled back to their previous configuration, and ready`,
  );
});

test('who tried again what had to be taken back is told that it failed', () => {
  const rollout: RolloutPolicy = { ...ONE, onFailure: 'rollback' };
  const it = begin(configOf(2, rollout, 1));
  reload(it, configOf(2, rollout, 3));
  it.runUntil(20_000);
  const retry = it.rollout('retry', 'web');
  it.runUntil(30_000);
  assert.deepEqual(it.answers.get(retry), [
    {
      ok: false,
      code: 'failed',
      message: 'web@1 did not get ready: exit code 1; 1 rolled back to their previous configuration, and ready',
    },
  ]);
  assert.equal(
    rolloutNote(it.state, 'web@1')?.detail,
    'runs its previous configuration: its last change was rolled back',
  );
  // The file says again what runs: there is nothing more to say.
  reload(it, configOf(2, rollout, 1));
  assert.deepEqual([it.state.rollouts.size, rolloutNote(it.state, 'web@1')], [0, null]);
});

test('an operator who stops one takes it out of the rollout; it is of the new form when it is started again', () => {
  const it = begin(configOf(3, ONE, 1));
  reload(it, configOf(3, ONE, 2));
  it.runUntil(10_050);
  it.order('stop', 'web@2');
  it.runUntil(20_000);
  it.order('start', 'web@2');
  it.runUntil(30_000);
  tells(
    it,
    `
    10000  web rollout begun: 3 of 3 are changed, one after the other
    10000  web@1 running → stopping (its configuration changed (rollout of web))
    10000  web@1 SIGTERM to its main
    10050  web@2 running → stopping (stop by test)
    10050  web@2 SIGTERM to its main
    10100  web@1 stopping → starting (its configuration changed (rollout of web))
    10150  web@2 stopping → stopped (stop by test)
    10150  web@2 answer: ok, web@2 is stopped
    10600  web@1 starting → running (up and ready)
    10600  web@3 running → stopping (its configuration changed (rollout of web))
    10600  web@3 SIGTERM to its main
    10700  web@3 stopping → starting (its configuration changed (rollout of web))
    11200  web@3 starting → running (up and ready)
    11200  web rollout done: 2 changed, and ready
    20000  web@2 stopped → starting (start by test)
    20500  web@2 starting → running (up and ready)
    20500  web@2 answer: ok, web@2 is running`,
  );
});

test('a rolling restart is answered when it is over; a shutdown comes first', () => {
  const it = begin(configOf(2, ONE, 1));
  it.rollout('restart', 'web', ['web@1', 'web@2']);
  it.runUntil(10_300);
  it.rollout('restart', 'web', ['web@1', 'web@2']);
  it.post({ type: 'shutdown', by: 'test' });
  it.runUntil(20_000);
  tells(
    it,
    `
    10000  web rollout begun: 2 of 2 are restarted, one after the other
    10000  web@1 running → stopping (rolling restart of web)
    10000  web@1 SIGTERM to its main
    10100  web@1 stopping → starting (rolling restart of web)
    10300  web answer: failed, a rollout of web is under way; follow it with: opsd ctl rollout status
    10300  web@1 starting → stopping (opsd is shutting down)
    10300  web@1 SIGTERM to its main
    10300  web@2 running → stopping (opsd is shutting down)
    10300  web@2 SIGTERM to its main
    10300  web rollout interrupted: not finished: opsd is shutting down
    10300  web answer: shutting_down, not finished: opsd is shutting down
    10400  web@1 stopping → stopped (stopped for the shutdown)
    10400  web@2 stopping → stopped (stopped for the shutdown)
    10400  opsd exits 0: every service is stopped (test)`,
  );
});

test('scaling up makes a member of a stand-in', () => {
  const it = begin(configOf(1, SURGE, 1));
  reload(it, configOf(1, SURGE, 2));
  it.runUntil(10_700);
  assert.equal(it.stateOf('web@2'), 'running');
  reload(it, configOf(2, SURGE, 2));
  it.runUntil(30_000);
  assert.deepEqual(
    it.state.services.map(({ spec, state, desired }) => [spec.name, state.name, spec.launch.command[1], desired]),
    [
      ['web@1', 'running', '2', null],
      ['web@2', 'running', '2', null],
    ],
  );
});

test('what is gone back from is tried again when an operator says so, and not by a reload', () => {
  let isMended = false;
  const it = begin(configOf(2, ONE, 1), (version) => (version === '3' && !isMended ? crashing : obedient));
  reload(it, configOf(2, ONE, 3));
  it.runUntil(12_000);
  const undo = it.rollout('undo', 'web');
  it.runUntil(20_000);
  const versions = () => it.state.services.map(({ spec }) => spec.launch.command[1]);
  isMended = true;
  reload(it, configOf(2, ONE, 3));
  it.runUntil(30_000);
  assert.deepEqual(versions(), ['1', '1']);
  const retry = it.rollout('retry', 'web');
  it.runUntil(40_000);
  assert.deepEqual(versions(), ['3', '3']);
  assert.deepEqual(
    [undo, retry].map((id) => it.answers.get(id)),
    [
      [{ ok: true, message: '1 rolled back to their previous configuration, and ready' }],
      [{ ok: true, message: '2 changed, and ready' }],
    ],
  );
});

test('orders that make no sense are refused with what does', () => {
  const it = begin(configOf(2, ONE, 1));
  const refusal = (action: 'restart' | 'undo' | 'retry', names: readonly string[] = []) => {
    const [outcome] = it.answers.get(it.rollout(action, 'web', names)) ?? [];
    return outcome?.ok === false ? outcome.message : null;
  };
  assert.match(refusal('undo') ?? '', /there is no rollout of web to undo/);
  reload(it, configOf(2, ONE, 3));
  assert.match(refusal('restart', ['web@1']) ?? '', /a rollout of web is under way; follow it with/);
  assert.match(refusal('retry') ?? '', /only a configuration that was rolled back can be tried again/);
  it.runUntil(12_000);
  assert.match(refusal('restart', ['web@1']) ?? '', /has stopped; first opsd ctl rollout undo web/);
  it.rollout('undo', 'web');
  it.runUntil(20_000);
  assert.match(refusal('undo') ?? '', /web is rolled back already/);
  it.order('stop', 'web@1');
  it.order('stop', 'web@2');
  it.runUntil(30_000);
  assert.match(refusal('restart', ['web@1', 'web@2']) ?? '', /desired state of every member of web is down/);
});

test('a rollout of many that stops names some of those that are as before, and how many more', () => {
  const namedOf = (count: number) => {
    const it = begin(configOf(count, ONE, 1));
    reload(it, configOf(count, ONE, 3));
    it.runUntil(20_000);
    return /as before: ([^;]*);/.exec(it.state.rollouts.get('web')?.detail ?? '')?.[1];
  };
  assert.equal(namedOf(5), 'web@2, web@3, web@4, web@5');
  assert.equal(namedOf(7), 'web@2, web@3, web@4, web@5 and 2 more');
});

test('nothing is rolled out any more while opsd shuts down', () => {
  const it = begin(configOf(2, ONE, 1), () => ({ ...obedient, obeysAfter: 5_000 }));
  it.post({ type: 'shutdown', by: 'test' });
  const [outcome] = it.answers.get(it.rollout('restart', 'web', ['web@1'])) ?? [];
  assert.deepEqual(outcome, { ok: false, code: 'shutting_down', message: 'opsd is shutting down' });
});

test('a surge instance that is on its way down after one rollout is needed again by the next', () => {
  const it = begin(configOf(2, SURGE, 1));
  reload(it, configOf(2, SURGE, 2));
  it.runUntil(11_750);
  assert.equal(it.state.services.find(({ spec }) => spec.name === 'web@3')?.state.name, 'stopping');
  reload(it, configOf(2, SURGE, 4));
  it.runUntil(20_000);
  const news = it.effects.flatMap(({ what }) => (what.type === 'rollout' ? [what.what] : []));
  assert.deepEqual(news, ['begun', 'done', 'begun', 'done']);
  assert.deepEqual(
    it.transitions.flatMap(({ what }) => (what.service === 'web@3' ? [`${what.from} → ${what.to}`] : [])),
    [
      ...['stopped → starting', 'starting → running', 'running → stopping', 'stopping → starting'],
      ...['starting → running', 'running → stopping', 'stopping → stopped'],
    ],
  );
});

test('when opsd oversleeps, a member that may have crashed meanwhile is not taken for ready, and the next one stays', () => {
  for (const rollout of [ONE, SURGE]) {
    for (const first of ['timers', 'news'] as const) {
      const config = (version: number) => aGroup('web', 2, rollout, { ...steady, ready: null }, version);
      const it = begin(config(1), (version) =>
        version === '1' ? obedient : { ...obedient, ends: { after: 600, code: 1 } },
      );
      reload(it, config(2));
      it.runUntil(10_500);
      it.oversleep(30_000, first);
      it.runUntil(60_000);
      assert.equal(it.state.rollouts.get('web')?.phase, 'stopped');
      const touched = it.transitions.filter(
        ({ at, what }) => at > 10_000 && what.from === 'running' && what.to === 'stopping',
      );
      const taken = touched.map(({ what }) => what.service);
      assert.ok(!taken.includes('web@2'), `${first}, surge ${rollout.maxSurge}: ${taken}`);
    }
  }
});

test('when opsd oversleeps, a member counts as ready as long after that as otherwise', () => {
  const config = (version: number) => aGroup('web', 2, ONE, { ...steady, ready: null }, version);
  const it = begin(config(1));
  reload(it, config(2));
  it.runUntil(10_600);
  it.oversleep(30_000);
  it.runUntil(60_000);
  const taken = it.transitions.filter(({ what }) => what.to === 'stopping').map(({ at, what }) => [at, what.service]);
  assert.deepEqual(taken, [
    [10_000, 'web@1'],
    [41_600, 'web@2'],
  ]);
});
