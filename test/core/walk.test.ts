// Every state meets every event: nothing throws, and the arrows that come of it are the table of the README.

import { strict as assert } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Event } from '../../src/core/model/events.ts';
import { initialState, newService } from '../../src/core/model/initial.ts';
import type { Health, Policy } from '../../src/core/model/spec.ts';
import type { Next, Run, Service, ServiceState, State, Verdict } from '../../src/core/model/state.ts';
import type { StateName } from '../../src/core/model/states.ts';
import { step } from '../../src/core/supervisor.ts';
import { aConfig, aService, readyOn } from '../simulation/specs.ts';

const NOW = 1_000_000;
const README = join(import.meta.dirname, '../../README.md');
const STATES: readonly StateName[] = [
  'stopped',
  'waiting',
  'starting',
  'running',
  'stopping',
  'killing',
  'backoff',
  'failed',
  'exited',
];

const run: Run = {
  generation: 7,
  pid: 4711,
  startedAt: NOW - 60_000,
  readyAt: NOW - 50_000,
  adopted: false,
  beat: { at: NOW - 1_000, lostAt: NOW, lookAt: NOW },
  check: { askAt: NOW, noes: 2, yeses: 0, isHealthy: true, lastNo: null },
};
/** The spawn is under way. */
const unborn: Run = { ...run, pid: null, readyAt: null };
const failure: Verdict = { kind: 'failure', reason: 'exit_code', detail: 'exit code 1' };
const nexts: readonly Next[] = [
  { to: 'stopped', reason: 'operator', detail: 'stop' },
  { to: 'start', reason: 'operator', detail: 'restart' },
  { to: 'settle', verdict: failure },
];

function everyState(name: StateName): readonly ServiceState[] {
  switch (name) {
    case 'stopped':
    case 'exited':
      return [{ name, deadline: null }];
    case 'waiting':
      return [{ name, deadline: null, for: 'db (starting)', on: 'db', hopeless: false }];
    case 'starting':
      return [
        { name, deadline: NOW, run: { ...run, readyAt: null } },
        { name, deadline: NOW, run: unborn },
      ];
    case 'running':
      return [{ name, deadline: NOW, run }];
    case 'stopping':
      return nexts.flatMap((next) => [run, unborn].map((of) => ({ name, deadline: NOW, run: of, next })));
    case 'killing':
      return nexts.map((next) => ({ name, deadline: NOW, run, next, stuck: false }));
    case 'backoff':
      return [{ name, deadline: NOW }];
    case 'failed':
      return [{ name, deadline: NOW }];
  }
}

const probing: Health = {
  probe: { kind: 'tcp', host: 'localhost', port: 80 },
  interval: 1_000,
  timeout: 500,
  failures: 3,
  successes: 1,
  onFailure: 'restart',
};

const policies: readonly Partial<Policy>[] = [
  {},
  { restart: 'on-failure' },
  { restart: 'never' },
  { maxFailures: 0 },
  { ready: readyOn('delay', 1_000, { delay: 500 }) },
  { heartbeat: { timeout: 1_000, grace: 1_000 } },
  { heartbeat: { timeout: 1_000, grace: 1_000 }, ready: readyOn('heartbeat', 90_000) },
  { health: probing },
  { ready: readyOn('tcp', 90_000, { probe: probing.probe }) },
  { enabled: false },
  { dependsOn: [{ service: 'absent', until: 'ready' }] },
];

/** What an event is called in the table. */
const events: readonly (readonly [string, (policy: Partial<Policy>) => Event])[] = [
  ['spawned', () => ({ type: 'spawned', service: 'web', generation: 7, pid: 4711 })],
  ['spawn failed', () => spawnFailed('failure')],
  ['spawn failed for good', () => spawnFailed('permanent')],
  ['no room to spawn', () => spawnFailed('transient')],
  ['exit with success', () => exited(0, 0)],
  ['exit with failure', () => exited(1, 0)],
  ['exit with a fatal code', () => exited(78, 0)],
  ['exit, others remain', () => exited(1, 2)],
  ['tree empty', () => ({ type: 'emptied', service: 'web', generation: 7 })],
  ['cannot be seen', () => ({ type: 'unseen', service: 'web', generation: 7 })],
  ['beat', () => ({ type: 'looked', service: 'web', generation: 7, changed: true })],
  ['no beat', () => ({ type: 'looked', service: 'web', generation: 7, changed: false })],
  ['probe says yes', () => ({ type: 'probed', service: 'web', generation: 7, isGood: true, detail: '' })],
  ['takes too much memory', () => ({ type: 'outgrown', service: 'web', generation: 7, detail: '600 MiB' })],
  ['probe says no', () => ({ type: 'probed', service: 'web', generation: 7, isGood: false, detail: 'no' })],
  ['ready', () => ({ type: 'ready', service: 'web', generation: 7 })],
  ['start', () => ({ type: 'order', id: 1, action: 'start', service: 'web', by: 'test' })],
  ['stop', () => ({ type: 'order', id: 1, action: 'stop', service: 'web', by: 'test' })],
  ['restart', () => ({ type: 'order', id: 1, action: 'restart', service: 'web', by: 'test' })],
  ['reset', () => ({ type: 'order', id: 1, action: 'reset', service: 'web', by: 'test' })],
  ['signal', () => ({ type: 'order', id: 1, action: 'signal', signal: 'SIGHUP', service: 'web', by: 'test' })],
  ['reload, changed', (policy) => reload([aService('web', policy, 2)])],
  ['reload, in place', (policy) => reload([aService('web', { ...policy, stopTimeout: 5_000 })])],
  ['reload, switched off', (policy) => reload([aService('web', { ...policy, enabled: false })])],
  ['reload, removed', () => reload([])],
  ['shutdown', () => ({ type: 'shutdown', by: 'test' })],
  ['handover', () => ({ type: 'handover', by: 'test' })],
  ['deadline', () => ({ type: 'tick' })],
  ['overslept', () => ({ type: 'overslept', gap: 5_000 })],
];

function spawnFailed(kind: 'permanent' | 'transient' | 'failure'): Event {
  return { type: 'spawn_failed', service: 'web', generation: 7, kind, message: 'no' };
}

function exited(code: number, left: number): Event {
  return { type: 'exited', service: 'web', generation: 7, exit: { code, signal: null, oom: false }, left };
}

function reload(services: readonly ReturnType<typeof aService>[]): Event {
  return { type: 'configured', config: aConfig(services), isFirst: false };
}

function worldWith(service: Service): State {
  return {
    ...initialState(1),
    startConcurrency: 8,
    shutdownTimeout: 30_000,
    services: [service],
    slots: new Map([['web', 0]]),
    queue: service.state.name === 'waiting' ? ['web'] : [],
  };
}

/** `from` to event to the states it may lead to, itself left out. */
function walk(): Map<string, Map<string, Set<string>>> {
  const arrows = new Map<string, Map<string, Set<string>>>();
  for (const from of STATES) {
    const row = new Map<string, Set<string>>();
    for (const [name, eventFor] of events) {
      const ends = new Set<string>();
      for (const policy of policies) {
        for (const state of everyState(from)) {
          for (const isQueued of [false, true]) {
            const service = { ...newService(aService('web', policy), 7, NOW - 1), state, isQueued };
            for (const to of pathOf(worldWith(service), eventFor(policy))) ends.add(to);
          }
        }
      }
      row.set(name, ends);
    }
    arrows.set(from, row);
  }
  return arrows;
}

/** The states on the way, the last one included. */
function pathOf(world: State, event: Event): readonly string[] {
  const [after, effects] = step(world, event, NOW);
  const visited = effects.flatMap((effect) => (effect.type === 'transition' ? [effect.to] : []));
  const [service] = after.services;
  if (service !== undefined && visited.length > 0) assert.equal(service.state.name, visited.at(-1));
  for (const effect of effects) {
    if (effect.type !== 'transition' || effect.from !== effect.to) continue;
    // A run that was queued behind one that could not be started: another generation.
    assert.ok(effect.to === 'starting' && effect.generation === 8, 'a transition goes somewhere');
  }
  return visited;
}

function tableOf(arrows: Map<string, Map<string, Set<string>>>): string {
  const lines = ['| from | event | to |', '|---|---|---|'];
  for (const [from, row] of arrows) {
    const byTarget = new Map<string, string[]>();
    for (const [event, ends] of row) {
      for (const to of ends) byTarget.set(to, [...(byTarget.get(to) ?? []), event]);
    }
    for (const to of STATES) {
      const names = byTarget.get(to);
      if (names !== undefined && to !== from) lines.push(`| ${from} | ${names.join('; ')} | ${to} |`);
    }
  }
  return lines.join('\n');
}

test('every state meets every event without an exception', () => {
  const arrows = walk();
  assert.deepEqual([...arrows.keys()], STATES);
  for (const [from, row] of arrows) assert.equal(row.size, events.length, from);
});

test('the table of arrows in the README is what the machine does', () => {
  const wanted = tableOf(walk());
  const text = readFileSync(README, 'utf8');
  const [, before, after] = /^([\s\S]*<!-- arrows -->\n)[\s\S]*?(\n<!-- \/arrows -->[\s\S]*)$/.exec(text) ?? [];
  assert.ok(before !== undefined && after !== undefined, 'the README has a place for the table');
  const renewed = `${before}${wanted}${after}`;
  // `UPDATE=1 make test` writes it; a review sees the difference.
  if (process.env.UPDATE === '1') writeFileSync(README, renewed);
  else assert.equal(text, renewed, 'run UPDATE=1 node --test test/core/walk.test.ts, and read what changed');
});

test('old news is no news: an event of another generation changes nothing in any state', () => {
  for (const from of STATES) {
    for (const state of everyState(from)) {
      const world = worldWith({ ...newService(aService('web'), 7, NOW), state });
      for (const event of [exited(1, 0), spawnFailed('permanent'), exited(1, 2)]) {
        const stale = { ...event, generation: 6 } as Event;
        const [after, effects] = step(world, stale, NOW);
        assert.deepEqual([after.services, effects], [world.services, []], `${from} heard old news`);
      }
    }
  }
});

test('a stop beats what was to follow, and a start beats a stop, in every state', () => {
  for (const from of STATES) {
    for (const state of everyState(from)) {
      const world = worldWith({ ...newService(aService('web'), 7, NOW), state });
      const [stopped] = step(world, { type: 'order', id: 1, action: 'stop', service: 'web', by: 'a' }, NOW);
      assert.match(goal(stopped), /^stopped$/, `stop in ${from}`);
      const [started] = step(stopped, { type: 'order', id: 2, action: 'start', service: 'web', by: 'b' }, NOW);
      assert.match(goal(started), /^(start|starting)$/, `start after stop in ${from}`);
    }
  }
});

function goal({ services: [service] }: State): string {
  if (service === undefined) return 'forgotten';
  return 'next' in service.state ? service.state.next.to : service.state.name;
}
