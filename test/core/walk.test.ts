// Every state meets every event: nothing throws, and the arrows that come of it are the table of docs/states.md.

import { strict as assert } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Event } from '../../src/core/model/events.ts';
import { initialState, newService } from '../../src/core/model/initial.ts';
import type { Health, Policy, RolloutGroup, Schedule } from '../../src/core/model/spec.ts';
import type { Next, Run, Service, ServiceState, State, Verdict } from '../../src/core/model/state.ts';
import type { StateName, Step } from '../../src/core/model/states.ts';
import { step } from '../../src/core/supervisor.ts';
import { aConfig, aService, readyOn } from '../simulation/specs.ts';

const NOW = 1_000_000;
const STATES_PAGE = join(import.meta.dirname, '../../docs/states.md');
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

const STEPS = ['main', 'before_start', 'after_stop'] as const satisfies readonly Step[];
const KINDS = ['failure', 'permanent', 'transient', 'host'] as const;

const web = { service: 'web', generation: 7 };
const order = { id: 1, services: ['web'], by: 'test' };
const change = { id: 1, group: 'web', by: 'test' };
/** As a service has it that is replaced step by step, though it is one. */
const group: RolloutGroup = {
  members: ['web'],
  policy: { maxUnavailable: 1, maxSurge: 0, onFailure: 'stop' },
  surgeSpecs: [],
};

const run: Run = {
  generation: 7,
  step: 'main',
  hookEndsAt: null,
  pid: 4711,
  startedAt: NOW - 60_000,
  overslept: 0,
  readyAt: NOW - 50_000,
  isAdopted: false,
  beat: { at: NOW - 1_000, lostAt: NOW, lookAt: NOW },
  check: { askAt: NOW, failures: 2, successes: 0, isHealthy: true, lastFailure: null },
};
/** The spawn is under way. */
const unborn: Run = { ...run, pid: null, readyAt: null };
/** Its hooks run. */
const preparing: Run = { ...unborn, step: 'before_start', hookEndsAt: NOW };
const cleaning: Run = { ...run, pid: null, step: 'after_stop', hookEndsAt: NOW };
const failure: Verdict = { kind: 'failure', reason: 'exit_code', detail: 'exit code 1' };
const success: Verdict = { kind: 'success', reason: 'success', detail: 'exit code 0', left: 1 };
const nexts: readonly Next[] = [
  { to: 'stopped', reason: 'operator', detail: 'stop' },
  { to: 'start', reason: 'operator', detail: 'restart' },
  { to: 'settle', verdict: failure, at: NOW - 20_000 },
  { to: 'settle', verdict: success, at: NOW - 45_000 },
];

function everyState(name: StateName): readonly ServiceState[] {
  switch (name) {
    case 'stopped':
    case 'exited':
      return [{ name, deadline: null }];
    case 'waiting':
      return [{ name, deadline: null, for: 'db (starting)', on: 'db', isUnsatisfiable: false }];
    case 'starting':
      return [
        { name, deadline: NOW, run: { ...run, readyAt: null } },
        { name, deadline: NOW, run: unborn },
        { name, deadline: NOW, run: preparing },
      ];
    case 'running':
      return [
        { name, deadline: NOW, run },
        { name, deadline: NOW, run: { ...run, readyAt: NOW - 1_000 } },
      ];
    case 'stopping':
      return nexts.flatMap((next) =>
        [run, unborn, preparing, cleaning].map((of) => ({ name, deadline: NOW, run: of, next })),
      );
    case 'killing':
      return nexts.flatMap((next) =>
        [run, preparing, cleaning].map((of) => ({ name, deadline: NOW, run: of, next, isStuck: false })),
      );
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

const nightly: Schedule = { cron: '0 3 * * *', timezone: null, overlap: 'skip', randomDelay: 0, catchUp: false };

const policies: readonly Partial<Policy>[] = [
  {},
  { restart: 'on-failure' },
  { restart: 'never' },
  { maxFailures: 0 },
  { beforeStart: { command: ['/prepare'], timeout: 1_000 } },
  { afterStop: { command: ['/clean'], timeout: 1_000 } },
  { maxFailures: 0, retryFailed: 0 },
  { maxFailures: 0, onFailed: 'shutdown' },
  { ready: readyOn('delay', 1_000, { delay: 500 }) },
  { heartbeat: { timeout: 1_000, grace: 1_000 } },
  { heartbeat: { timeout: 1_000, grace: 1_000 }, ready: readyOn('heartbeat', 90_000) },
  { health: probing },
  { health: { ...probing, onFailure: 'mark' } },
  { ready: readyOn('tcp', 90_000, { probe: probing.probe }) },
  { timeout: 60_000 },
  { timeout: 60_000, ready: readyOn('heartbeat', 90_000) },
  { restart: 'never', schedule: nightly },
  { restart: 'on-failure', schedule: { ...nightly, overlap: 'queue' } },
  { restart: 'never', schedule: { ...nightly, overlap: 'kill' } },
  { enabled: false },
  { dependsOn: [{ service: 'absent', until: 'ready' }] },
];

type Of<Type extends Event['type']> = Extract<Event, { type: Type }>;
type Make<E> = (policy: Partial<Policy>) => E;
/** Of an event by what it is called in the table: one that comes in several kinds has a row for each. */
type Rows<E> = Readonly<Record<string, Make<E>>>;

/** A new event, order or kind of failure does not compile without its rows. */
type Everything = {
  readonly [Type in Exclude<Event['type'], 'order' | 'rollout' | 'spawn_failed'>]: Rows<Of<Type>>;
} & {
  readonly spawn_failed: Readonly<Record<Step, Readonly<Record<Of<'spawn_failed'>['kind'], string>>>>;
  readonly order: Readonly<Record<Of<'order'>['action'], Make<Of<'order'>>>>;
  readonly rollout: Readonly<Record<Of<'rollout'>['action'], Make<Of<'rollout'>>>>;
};

const everything: Everything = {
  spawned: { spawned: () => ({ type: 'spawned', ...web, pid: 4711 }) },
  spawn_failed: {
    main: {
      failure: 'spawn failed',
      permanent: 'spawn failed for good',
      transient: 'no room to spawn',
      host: 'the host lacks something',
    },
    before_start: {
      failure: 'spawn of before_start failed',
      permanent: 'spawn of before_start failed for good',
      transient: 'no room to spawn before_start',
      host: 'the host lacks something for before_start',
    },
    after_stop: {
      failure: 'spawn of after_stop failed',
      permanent: 'spawn of after_stop failed for good',
      transient: 'no room to spawn after_stop',
      host: 'the host lacks something for after_stop',
    },
  },
  exited: {
    'exit with success': () => exited(0, 0),
    'exit with failure': () => exited(1, 0),
    'exit with a fatal code': () => exited(78, 0),
    'exit that nobody knows': () => exited(null, 0),
    'may not begin': () => ({ ...exited(126, 0), refusal: 'its user may not enter its folder' }),
    'exit, others remain': () => exited(1, 2),
    'exit with success, others remain': () => exited(0, 2),
    'before_start ends': () => ({ ...exited(0, 0), step: 'before_start' }),
    'before_start fails': () => ({ ...exited(1, 0), step: 'before_start' }),
    'before_start fails, others remain': () => ({ ...exited(1, 2), step: 'before_start' }),
    'after_stop ends': () => ({ ...exited(0, 0), step: 'after_stop' }),
  },
  tree_exited: {
    'tree empty': () => ({ type: 'tree_exited', ...web }),
    'tree of before_start empty': () => ({ type: 'tree_exited', ...web, step: 'before_start' }),
    'tree of after_stop empty': () => ({ type: 'tree_exited', ...web, step: 'after_stop' }),
  },
  scan_failed: { 'cannot be seen': () => ({ type: 'scan_failed', ...web }) },
  heartbeat_checked: {
    beat: () => ({ type: 'heartbeat_checked', ...web, changed: true }),
    'no beat': () => ({ type: 'heartbeat_checked', ...web, changed: false }),
  },
  probed: {
    'probe says yes': () => ({ type: 'probed', ...web, isGood: true, detail: '' }),
    'probe says no': () => ({ type: 'probed', ...web, isGood: false, detail: 'no' }),
  },
  memory_exceeded: { 'takes too much memory': () => ({ type: 'memory_exceeded', ...web, detail: '600 MiB' }) },
  ready: { ready: () => ({ type: 'ready', ...web }) },
  order: {
    start: () => ({ type: 'order', action: 'start', ...order }),
    stop: () => ({ type: 'order', action: 'stop', cascade: false, ...order }),
    restart: () => ({ type: 'order', action: 'restart', ...order }),
    run: () => ({ type: 'order', action: 'run', ...order }),
    reset: () => ({ type: 'order', action: 'reset', ...order }),
    signal: () => ({ type: 'order', action: 'signal', signal: 'SIGHUP', ...order }),
  },
  rollout: {
    restart: () => ({ type: 'rollout', action: 'restart', services: ['web'], ...change }),
    undo: () => ({ type: 'rollout', action: 'undo', ...change }),
    retry: () => ({ type: 'rollout', action: 'retry', ...change }),
  },
  configured: {
    'reload, changed': (policy) => reload([aService('web', policy, 2)]),
    'reload, changed, cannot start here': (policy) =>
      reload([{ ...aService('web', policy, 2), hindrance: 'no such program' }]),
    'reload, in place': (policy) => reload([aService('web', { ...policy, stopTimeout: 5_000 })]),
    'reload, switched off': (policy) => reload([aService('web', { ...policy, enabled: false })]),
    'reload, removed': () => reload([]),
  },
  scheduled: {
    'its time comes': () => ({ type: 'scheduled', service: 'web', isMissed: false }),
    'its time was missed': () => ({ type: 'scheduled', service: 'web', isMissed: true }),
  },
  host_ready: { 'the host has it again': () => ({ type: 'host_ready', service: 'web' }) },
  shutdown: { shutdown: () => ({ type: 'shutdown', by: 'test' }) },
  handover: { handover: () => ({ type: 'handover', by: 'test' }) },
  tick: { deadline: () => ({ type: 'tick' }) },
  overslept: { overslept: () => ({ type: 'overslept', gap: 5_000 }) },
};

const { spawn_failed, rollout, ...others } = everything;

/** What each is called in the table. */
const events: readonly (readonly [name: string, make: Make<Event>])[] = [
  ...STEPS.flatMap((step) => KINDS.map((kind) => [spawn_failed[step][kind], () => spawnFailed(kind, step)] as const)),
  ...Object.values(others).flatMap((rows) => Object.entries<Make<Event>>(rows)),
  ...Object.entries(rollout).map(([name, make]) => [`rollout: ${name}`, make] as const),
];

function spawnFailed(kind: Of<'spawn_failed'>['kind'], step: Step): Event {
  return { type: 'spawn_failed', ...web, step, kind, message: 'no' };
}

function exited(code: number | null, left: number): Of<'exited'> {
  return { type: 'exited', ...web, exit: { code, signal: null, oom: false }, left };
}

function reload(services: readonly ReturnType<typeof aService>[]): Of<'configured'> {
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
            const event = eventFor(policy);
            const world = worldWith(service);
            const groups = event.type === 'rollout' ? new Map([['web', group]]) : world.groups;
            for (const to of pathOf({ ...world, groups }, event)) ends.add(to);
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

const arrows = walk();

test('every state meets every event without an exception', () => {
  assert.deepEqual([...arrows.keys()], STATES);
  for (const [from, row] of arrows) assert.equal(row.size, events.length, from);
});

test('the table of arrows in docs/states.md is what the machine does', () => {
  const wanted = tableOf(arrows);
  const text = readFileSync(STATES_PAGE, 'utf8');
  const [, before, after] = /^([\s\S]*<!-- arrows -->\n)[\s\S]*?(\n<!-- \/arrows -->[\s\S]*)$/.exec(text) ?? [];
  assert.ok(before !== undefined && after !== undefined, 'docs/states.md has a place for the table');
  const renewed = `${before}${wanted}${after}`;
  // `UPDATE=1 make test` writes it; a review sees the difference.
  if (process.env.UPDATE === '1') writeFileSync(STATES_PAGE, renewed);
  else assert.equal(text, renewed, 'run UPDATE=1 node --test test/core/walk.test.ts, and read what changed');
});

test('old news is no news: whatever is told of another generation changes nothing in any state', () => {
  const news = events.map(([, make]) => make({})).filter((event) => 'generation' in event);
  assert.ok(news.length >= 15);
  for (const policy of policies) {
    for (const from of STATES) {
      for (const state of everyState(from)) {
        const world = worldWith({ ...newService(aService('web', policy), 7, NOW), state });
        for (const event of news) {
          for (const generation of [6, 8]) {
            const [after, effects] = step(world, { ...event, generation }, NOW);
            assert.deepEqual([after.services, effects], [world.services, []], `${from} heard ${event.type} of another`);
          }
        }
      }
    }
  }
});

test('a stop beats what was to follow, and a start beats a stop, in every state', () => {
  for (const from of STATES) {
    for (const state of everyState(from)) {
      const world = worldWith({ ...newService(aService('web'), 7, NOW), state });
      const [stopped] = step(
        world,
        { type: 'order', id: 1, action: 'stop', services: ['web'], cascade: false, by: 'a' },
        NOW,
      );
      assert.match(goal(stopped), /^stopped$/, `stop in ${from}`);
      const [started] = step(stopped, { type: 'order', id: 2, action: 'start', services: ['web'], by: 'b' }, NOW);
      assert.match(goal(started), /^(start|starting)$/, `start after stop in ${from}`);
    }
  }
});

function goal({ services: [service] }: State): string {
  if (service === undefined) return 'forgotten';
  return 'next' in service.state ? service.state.next.to : service.state.name;
}
