// Taking over: what an earlier opsd left, what it wrote down and what the configuration says now, case by case.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adopt, type Survivor } from '../../src/core/adoption/adopt.ts';
import { type SavedService, savedServices } from '../../src/core/adoption/saved-service.ts';
import type { Config } from '../../src/core/model/config.ts';
import type { Policy } from '../../src/core/model/spec.ts';
import type { Service, State } from '../../src/core/model/state.ts';
import { step } from '../../src/core/supervisor.ts';
import { aConfig, aGroup, aService, fingerprintOf, readyOn } from '../simulation/specs.ts';
import { steady } from '../simulation/story.ts';
import { savedWeb } from './saved-web.ts';

const NOW = 1_000_000;

const memory = savedWeb(NOW, 60_000);
const alive: Survivor = { service: 'web', generation: 7, pid: 42, startedAt: NOW - 60_000 };

interface Left {
  readonly memories?: readonly SavedService[];
  readonly survivors?: readonly Survivor[];
  readonly config?: Config;
}

function take({ memories = [], survivors = [], config = aConfig([aService('web', steady)]) }: Left) {
  return adopt(config, { saved: memories, survivors }, fingerprintOf, 1, NOW);
}

/** The same, and what the configuration makes of it. */
function takeOver(left: Left): State {
  const config = left.config ?? aConfig([aService('web', steady)]);
  return step(take({ ...left, config }).state, { type: 'configured', config, isFirst: true }, NOW)[0];
}

function only({ services: [service, ...others] }: State): Service {
  assert.ok(service !== undefined && others.length === 0, 'one service');
  return service;
}

test('nothing of it lives: it is what it was, and waits as long as it was to wait', () => {
  const rows: readonly (readonly [Partial<SavedService>, Partial<Service['state']>])[] = [
    [{ state: 'stopped' }, { name: 'stopped' }],
    [{ state: 'waiting' }, { name: 'stopped' }],
    [{ state: 'stopping' }, { name: 'stopped' }],
    [{ state: 'killing' }, { name: 'stopped' }],
    [{ state: 'exited' }, { name: 'exited', deadline: null }],
    [
      { state: 'failed', deadline: NOW + 5_000 },
      { name: 'failed', deadline: NOW + 5_000 },
    ],
    [
      { state: 'failed', deadline: null },
      { name: 'failed', deadline: null },
    ],
    [
      { state: 'backoff', deadline: NOW + 700 },
      { name: 'backoff', deadline: NOW + 700 },
    ],
    [
      { state: 'backoff', deadline: null },
      { name: 'backoff', deadline: NOW },
    ],
  ];
  for (const [was, expected] of rows) {
    const { state, effects } = take({ memories: [{ ...memory, ...was }] });
    const { name, deadline } = only(state).state;
    assert.deepEqual({ name, deadline }, { deadline: null, ...expected }, `${was.state}`);
    assert.deepEqual(effects, []);
  }
});

test('nothing of what ran lives: it has failed while no opsd was there, and its PID file goes', () => {
  for (const state of ['starting', 'running'] as const) {
    const readyAt = NOW - 1_000;
    const taken = take({ memories: [{ ...memory, state, readyAt }] });
    const service = only(taken.state);
    assert.deepEqual([service.state.name, service.lastReason, service.failuresInARow], ['backoff', 'unknown_exit', 3]);
    assert.deepEqual(service.lastExit, { code: null, signal: null, oom: false });
    assert.deepEqual(
      taken.effects.map((effect) => (effect.type === 'transition' ? `→ ${effect.to}` : effect.type)),
      ['remove_pid', '→ backoff'],
    );
  }
});

test('what was stable before it ended unseen starts to count anew', () => {
  const stable = take({ memories: [{ ...memory, readyAt: NOW - 59_000 }] });
  assert.equal(only(stable.state).failuresInARow, 1);
});

test('nothing of it lives, and its desired state is down: it stays down whatever it was', () => {
  for (const state of ['exited', 'failed', 'backoff', 'running'] as const) {
    const taken = takeOver({ memories: [{ ...memory, state, wish: 'down' }] });
    assert.equal(only(taken).state.name, 'stopped', state);
  }
});

test('nothing of it lives, and its configuration is another: it is tried afresh', () => {
  for (const state of ['exited', 'failed', 'backoff', 'running'] as const) {
    const left = { memories: [{ ...memory, state, fingerprint: 'another' }] };
    const service = only(take(left).state);
    assert.deepEqual([service.state.name, service.failuresInARow, service.attemptsInARow], ['stopped', 0, 0], state);
    assert.equal(only(takeOver(left)).state.name, 'starting', state);
  }
});

test('what is known of a service goes on: its counts, its last end, and the last word of an operator', () => {
  const { state } = take({ memories: [memory], survivors: [alive] });
  const { desired, generation, restarts, failuresInARow, attemptsInARow, lastExit } = only(state);
  assert.deepEqual(
    { desired, generation, restarts, failuresInARow, attemptsInARow, lastExit },
    { desired: null, generation: 7, restarts: 5, failuresInARow: 2, attemptsInARow: 3, lastExit: memory.lastExit },
  );
  const started = takeOver({
    memories: [{ ...memory, wish: 'up' }],
    survivors: [alive],
    config: aConfig([aService('web', { enabled: false })]),
  });
  assert.equal(only(started).state.name, 'running', 'an operator started it');
  const off = takeOver({
    memories: [{ ...memory, wish: null }],
    survivors: [alive],
    config: aConfig([aService('web', { enabled: false })]),
  });
  assert.equal(only(off).state.name, 'stopping', 'it was switched off while no opsd was there');
});

test('what is written down is what the next opsd needs', () => {
  const services = ['a', 'b', 'c'].map((name) => aService(name, steady));
  const memories: readonly SavedService[] = [
    { ...memory, name: 'a' },
    {
      ...memory,
      isInTrouble: true,
      name: 'b',
      state: 'backoff',
      pid: null,
      startedAt: null,
      readyAt: null,
      deadline: NOW + 500,
    },
    {
      ...memory,
      isInTrouble: true,
      name: 'c',
      state: 'failed',
      pid: null,
      startedAt: null,
      readyAt: null,
      deadline: NOW + 900,
    },
  ];
  const { state } = take({ memories, survivors: [{ ...alive, service: 'a' }], config: aConfig(services) });
  const adopted = { lastReason: 'adopted', lastDetail: 'adopted from an earlier opsd (pid 42)' };
  assert.deepEqual(savedServices(state, fingerprintOf), [{ ...memories[0], ...adopted }, memories[1], memories[2]]);
});

test('who is in trouble is still, until it has recovered; where that was not written down, its state tells', () => {
  const { isInTrouble: _, ...old } = memory;
  const rows: readonly (readonly [SavedService, boolean])[] = [
    [{ ...memory, isInTrouble: true }, true],
    [memory, false],
    [old, false],
    [{ ...old, state: 'backoff' }, true],
    [{ ...old, state: 'failed' }, true],
  ];
  for (const [was, expected] of rows) {
    const { state } = take({ memories: [was], survivors: [alive] });
    assert.equal(only(state).isInTrouble, expected);
  }
});

test('it was ready: it runs on; it was not, or nobody knows: it is waited for from now on', () => {
  const ready = readyOn('delay', 30_000, { delay: 500 });
  const config = aConfig([aService('web', { ready })]);
  const rows: readonly (readonly [why: string, Left, state: string, readyAt: number | null, startedAt: number])[] = [
    ['was ready', { memories: [memory] }, 'running', NOW - 59_000, NOW - 60_000],
    ['was not ready', { memories: [{ ...memory, state: 'starting', readyAt: null }] }, 'starting', null, NOW],
    ['an older one was ready', { memories: [{ ...memory, generation: 6 }] }, 'starting', null, NOW],
    ['nothing is known', {}, 'starting', null, NOW],
    ['nothing is known or waited for', { config: aConfig([aService('web')]) }, 'running', NOW - 60_000, NOW - 60_000],
  ];
  for (const [why, left, name, readyAt, startedAt] of rows) {
    const { state } = only(take({ config, survivors: [alive], ...left }).state);
    assert.ok('run' in state);
    assert.deepEqual([state.name, state.run.readyAt, state.run.startedAt], [name, readyAt, startedAt], why);
    assert.ok(state.run.isAdopted);
  }
});

test('an adopted one is asked for what it is asked for in its state', () => {
  const probe = { kind: 'tcp', host: 'localhost', port: 80 } as const;
  const health = { probe, interval: 10_000, timeout: 500, failures: 3, successes: 1, onFailure: 'restart' as const };
  const config = aConfig([aService('web', { ready: readyOn('tcp', 30_000, { probe }), health })]);
  const askedAt = (left: Left) => {
    const { state } = only(take({ config, survivors: [alive], ...left }).state);
    return 'run' in state ? state.run.check.askAt : null;
  };
  assert.equal(askedAt({}), NOW, 'for its readiness, at once');
  assert.ok((askedAt({ memories: [memory] }) ?? 0) >= NOW + 9_000, 'for its health, when it is time to');
});

test('an adopted one that is not ready yet takes nobody’s turn to start', () => {
  const config = aConfig([aService('web', { ready: readyOn('delay', 30_000, { delay: 500 }) }), aService('db')], {
    startConcurrency: 1,
  });
  const state = takeOver({ config, survivors: [alive] });
  assert.deepEqual(
    state.services.map((service) => service.state.name),
    ['starting', 'starting'],
  );
});

test('of several generations the one with a main process lives on, then the latest, then the youngest', () => {
  const rows: readonly (readonly [best: Survivor, other: Survivor])[] = [
    [alive, { ...alive, generation: 8, pid: null }],
    [{ ...alive, generation: 8, startedAt: NOW - 90_000 }, alive],
    [{ ...alive, pid: 43, startedAt: NOW - 1_000 }, alive],
  ];
  for (const [best, other] of rows) {
    for (const survivors of [
      [best, other],
      [other, best],
    ]) {
      const { state, strays } = take({ survivors });
      const now = only(state).state;
      assert.ok('run' in now);
      assert.deepEqual([now.run.generation, now.run.pid], [best.generation, best.pid]);
      assert.deepEqual(strays, [other]);
    }
  }
});

test('a generation that cannot be is nobody’s', () => {
  const rows: readonly (readonly [generation: number, memories: readonly SavedService[], isBelieved: boolean])[] = [
    [1_007, [memory], true],
    [1_008, [memory], false],
    [1e12, [], true],
    [1e12 + 1, [], false],
  ];
  for (const [generation, memories, isBelieved] of rows) {
    const survivor = { ...alive, generation };
    const { strays } = take({ memories, survivors: [survivor] });
    assert.deepEqual(strays, isBelieved ? [] : [survivor], `${generation}`);
  }
});

test('what is not configured any more is stopped, and forgotten when it is gone', () => {
  const state = takeOver({ memories: [memory], survivors: [alive], config: aConfig([]) });
  assert.equal(only(state).state.name, 'stopping');
  const exit = { code: 0, signal: null, oom: false };
  const [after] = step(state, { type: 'exited', service: 'web', generation: 7, exit, left: 0 }, NOW);
  assert.deepEqual(after.services, []);
});

test('one that was forgotten and comes back starts above its last generation', () => {
  const nothing = takeOver({ memories: [memory, { ...memory, name: 'db', generation: 9 }], config: aConfig([]) });
  assert.deepEqual(nothing.services, []);
  const [state] = step(nothing, { type: 'configured', config: aConfig([aService('web')]), isFirst: false }, NOW);
  assert.equal(only(state).generation, 10);
  const kept = takeOver({ memories: [memory], config: aConfig([aService('web', { enabled: false })]) });
  assert.equal(kept.generationFloor, 0, 'nobody was forgotten');
});

test('an operator’s stop that was under way is carried on', () => {
  for (const state of ['running', 'stopping', 'killing'] as const) {
    const taken = takeOver({ memories: [{ ...memory, state, wish: 'down' }], survivors: [alive] });
    const { state: now } = only(taken);
    assert.ok(now.name === 'stopping' && now.next.to === 'stopped', state);
  }
});

test('a restart that was under way is carried on; one of an earlier generation is over', () => {
  for (const state of ['stopping', 'killing'] as const) {
    const { state: now } = only(takeOver({ memories: [{ ...memory, state }], survivors: [alive] }));
    assert.ok(now.name === 'stopping');
    assert.deepEqual(now.next, { to: 'start', reason: memory.lastReason, detail: memory.lastDetail });
    const later = { ...alive, generation: 8 };
    assert.equal(only(takeOver({ memories: [{ ...memory, state }], survivors: [later] })).state.name, 'running');
  }
});

/** Two instances and one that may stand in for them, as version 2 is to have them. */
const grouped = (policy: Partial<Policy> = {}) =>
  aGroup('web', 2, { maxUnavailable: 1, maxSurge: 1, onFailure: 'stop' }, { ...steady, ...policy }, 2);
const NEW = fingerprintOf(aService('web', {}, 2));

function member(
  number: number,
  changes: Partial<SavedService> = {},
): { memories: SavedService[]; survivors: Survivor[] } {
  const name = `web@${number}`;
  return { memories: [{ ...memory, name, ...changes }], survivors: [{ ...alive, service: name, pid: 42 + number }] };
}

function together(...parts: readonly { memories: SavedService[]; survivors: Survivor[] }[]): Left {
  return {
    config: grouped(),
    memories: parts.flatMap(({ memories }) => memories),
    survivors: parts.flatMap(({ survivors }) => survivors),
  };
}

test('instances whose configuration changed while no opsd was there go one after the other', () => {
  const { state } = take(together(member(1), member(2)));
  assert.deepEqual(
    state.services.map((service) => service.state.name),
    ['running', 'running'],
  );
  assert.deepEqual(state.rollouts.get('web')?.waiting, ['web@1', 'web@2']);
  const memories = savedServices(state, fingerprintOf);
  assert.deepEqual(
    memories.map(({ fingerprint }) => fingerprint),
    ['unknown', 'unknown'],
    'the next opsd does not take them for what the configuration says',
  );
});

test('only instances that are not as configured are in a rollout that is taken over, and those that stand in', () => {
  const one = take(together(member(1, { fingerprint: NEW }), member(2))).state;
  assert.deepEqual(one.rollouts.get('web')?.waiting, ['web@2']);
  assert.deepEqual(one.rollouts.get('web')?.surging, []);
  assert.equal(take(together(member(1, { fingerprint: NEW }), member(2, { fingerprint: NEW }))).state.rollouts.size, 0);
  const parts = [member(1, { fingerprint: NEW }), member(2, { fingerprint: NEW }), member(3, { fingerprint: NEW })];
  const surged = take(together(...parts)).state;
  assert.deepEqual(surged.rollouts.get('web')?.surging, ['web@3']);
  const standIn = surged.services.find(({ spec }) => spec.name === 'web@3');
  assert.deepEqual([standIn?.desired, standIn?.isRemoved], ['up', false]);
  assert.notEqual(
    surged.services.find(({ spec }) => spec.name === 'web@1')?.desired,
    'up',
    'a member is as configured',
  );
});

test('an instance of a rollout that was on its way down is started as it is to be', () => {
  const { state } = take(together(member(1, { state: 'stopping' }), member(2, { fingerprint: NEW })));
  const [first] = state.services;
  assert.ok(first?.state.name === 'stopping' && first.state.next.to === 'start');
  assert.equal(state.rollouts.has('web'), false, 'it needs no turn');
});

test('what a rollout had gone back from is not tried again, unless some are of another form', () => {
  const refused = member(1, { rejected: NEW });
  const { state } = take(together(refused, member(2, { fingerprint: NEW })));
  const rollout = state.rollouts.get('web');
  assert.deepEqual([rollout?.phase, rollout?.direction, rollout?.waiting], ['done', 'back', ['web@1']]);
  assert.deepEqual([...(rollout?.rejected.keys() ?? [])], ['web@1']);
  const mixed = take(together(refused, member(2))).state.rollouts.get('web');
  assert.deepEqual([mixed?.phase, mixed?.waiting], ['going', ['web@2', 'web@1']]);
});
