// Taking over: what becomes of the PID file of a service of which an earlier opsd left something.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adopt } from '../../src/core/adoption/adopt.ts';
import { savedServices } from '../../src/core/adoption/saved-service.ts';
import type { Effect } from '../../src/core/model/effects.ts';
import type { ServiceSpec } from '../../src/core/model/spec.ts';
import { step } from '../../src/core/supervisor.ts';
import { aConfig, aService } from '../simulation/specs.ts';

const survivor = { service: 'web', pid: 42, startedAt: 0 };

/** What is to be done about PID files when this main process, or none, is left. */
function pidFileEffects(pid: number | null): readonly Effect[] {
  const survivors = [{ service: 'web', generation: 3, pid, startedAt: 0 }];
  const { effects } = adopt(aConfig([aService('web')]), { saved: [], survivors }, () => '', 1, 1_000);
  return effects.filter(({ type }) => type === 'write_pid' || type === 'remove_pid');
}

test('an adopted main process has its PID file', () => {
  assert.deepEqual(pidFileEffects(42), [{ type: 'write_pid', service: 'web', pid: 42 }]);
});

test('a main process that has ended has none, though others of its tree live', () => {
  assert.deepEqual(pidFileEffects(null), [{ type: 'remove_pid', service: 'web' }]);
});

/** What a process of this generation is left to be, when generation 3 was the last that was written down. */
function stateOf(generation: number, fingerprintWas: string, fingerprintIs: string): string | undefined {
  const config = aConfig([aService('web')]);
  const last = adopt(
    config,
    { saved: [], survivors: [{ ...survivor, generation: 3 }] },
    () => fingerprintWas,
    1,
    1_000,
  );
  const memories = savedServices(last.state, () => fingerprintWas);
  const survivors = [{ ...survivor, generation }];
  const { state } = adopt(config, { saved: memories, survivors }, () => fingerprintIs, 1, 2_000);
  const [configured] = step(state, { type: 'configured', config, isFirst: true }, 2_000);
  return configured.services[0]?.state.name;
}

test('a process is kept while its configuration is the one it was born with', () => {
  assert.equal(stateOf(3, 'before', 'before'), 'running');
  assert.equal(stateOf(4, 'before', 'before'), 'running', 'nor was any change seen since before its start');
});

test('a process is restarted when the configuration has changed since opsd last wrote anything down', () => {
  assert.equal(stateOf(3, 'before', 'now'), 'stopping');
  assert.equal(stateOf(4, 'before', 'now'), 'stopping', 'one whose start was never written down');
});

test('one whose turn has not come is still not what the configuration says, for the next opsd too', () => {
  const config = aConfig([aService('db'), aService('web', { dependsOn: [{ service: 'db', until: 'ready' }] })]);
  const survivors = ['db', 'web'].map((service) => ({ ...survivor, service, generation: 3 }));
  const first = adopt(config, { saved: [], survivors }, () => 'before', 1, 1_000);
  const nameOf = (spec: ServiceSpec) => [...spec.effective.values()].map(({ value }) => value).join();
  const memories = savedServices(first.state, () => 'before');
  const { state } = adopt(config, { saved: memories, survivors }, nameOf, 1, 2_000);
  const [taken] = step(state, { type: 'configured', config, isFirst: true }, 2_000);
  assert.deepEqual(
    taken.services.map((service) => service.state.name),
    ['running', 'stopping'],
    'the dependent goes first',
  );
  const [db] = savedServices(taken, nameOf);
  assert.notEqual(db?.fingerprint, nameOf(aService('db')));
  const [again] = step(taken, { type: 'configured', config, isFirst: false }, 2_000);
  assert.equal(again.services[0]?.deferred?.to, 'start', 'a reload does not take it for what it is not');
});

test('a process with a generation that there cannot be yet is ended, and counting goes on from what was written down', () => {
  const config = aConfig([aService('web')]);
  const first = adopt(config, { saved: [], survivors: [{ ...survivor, generation: 3 }] }, () => '', 1, 1_000);
  const memories = savedServices(first.state, () => '');
  const forged = { ...survivor, pid: 43, generation: 999_999_999_999_999 };
  const { state, strays } = adopt(config, { saved: memories, survivors: [forged] }, () => '', 1, 2_000);
  assert.deepEqual([state.services[0]?.generation, strays], [3, [forged]]);
  const beside = adopt(
    config,
    { saved: memories, survivors: [{ ...survivor, generation: 4 }, forged] },
    () => '',
    1,
    2_000,
  );
  assert.deepEqual([beside.state.services[0]?.generation, beside.strays], [4, [forged]]);
  // Nothing is known of the service: a state file was lost.
  const lost = adopt(config, { saved: [], survivors: [forged] }, () => '', 1, 2_000);
  assert.deepEqual([lost.state.services[0]?.generation, lost.strays], [0, [forged]]);
});
