// What a reload announces is what it does: no restart of services that are down, or that run with it after a rollback.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../src/core/model/config.ts';
import type { Policy, RolloutPolicy } from '../../src/core/model/spec.ts';
import { rolloutNote } from '../../src/core/rollout/note.ts';
import { planReloadOf } from '../../src/core/rollout/reload-plan.ts';
import { Simulation } from '../simulation/simulation.ts';
import { aConfig, aGroup, aService, readyOn } from '../simulation/specs.ts';
import { crashing, obedient, steady } from '../simulation/story.ts';

const nightly = { cron: '0 3 * * *', timezone: null, overlap: 'skip', randomDelay: 0, catchUp: false } as const;

const ROLLBACK: RolloutPolicy = { maxUnavailable: 1, maxSurge: 0, onFailure: 'rollback' };
const job: Partial<Policy> = { restart: 'never', schedule: nightly };
const quick: Partial<Policy> = { ...steady, ready: readyOn('delay', 5_000, { delay: 500 }) };

/** Version 3 crashes. */
function begin(config: Config): Simulation {
  const simulation = new Simulation(1, (_service, _generation, version) => (version === '3' ? crashing : obedient));
  simulation.boot(config);
  simulation.runUntil(10_000);
  return simulation;
}

const kinds = ({ state }: Simulation, before: Config, after: Config) =>
  planReloadOf(state, before, after).map(({ service, kind }) => `${service} ${kind}`);

test('a service that runs is restarted, one that is down takes the change at its next start', () => {
  const up = aService('up');
  const before = aConfig([up, aService('off', { enabled: false }), aService('halted'), aService('job', job)]);
  const it = begin(before);
  it.order('stop', 'halted');
  it.runUntil(20_000);
  const names = ['up', 'off', 'halted', 'job'];
  const policies: Readonly<Record<string, Partial<Policy>>> = { off: { enabled: false }, job };
  const after = aConfig(names.map((name) => aService(name, policies[name] ?? {}, 2)));
  assert.deepEqual(kinds(it, before, after), [
    'up restarted',
    'off at_next_start',
    'halted at_next_start',
    'job at_next_start',
  ]);
});

test('after a rollback the previous file restarts nothing, the rejected one is tried only on request, another one is', () => {
  const configOf = (version: number) => {
    const web = aGroup('web', 2, ROLLBACK, quick, version);
    return { ...web, services: new Map([...web.services, ['other', aService('other')]]) };
  };
  const it = begin(configOf(1));
  it.post({ type: 'configured', config: configOf(3), isFirst: false });
  it.runUntil(30_000);
  assert.deepEqual(kinds(it, configOf(3), configOf(1)), ['web@1 in_force', 'web@2 in_force']);
  assert.deepEqual(kinds(it, configOf(1), configOf(3)), ['web@1 rejected', 'web@2 rejected']);
  assert.deepEqual(kinds(it, configOf(3), configOf(4)), ['web@1 rolled', 'web@2 rolled']);
  const notes = ['web@1', 'web@2', 'other'].map((name) => rolloutNote(it.state, name) !== null);
  assert.deepEqual(notes, [true, true, false], 'the rollback concerns the members of its group only');
});
