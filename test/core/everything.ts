// Every state of a service, every event, and the policies that matter to them.

import type { Event } from '../../src/core/model/events.ts';
import { initialState } from '../../src/core/model/initial.ts';
import type { Health, Policy, RolloutGroup, Schedule } from '../../src/core/model/spec.ts';
import type { Next, Run, Service, ServiceState, State, Verdict } from '../../src/core/model/state.ts';
import type { StateName, Step } from '../../src/core/model/states.ts';
import { aConfig, aService, readyOn } from '../simulation/specs.ts';

export const NOW = 1_000_000;

const STEPS = ['main', 'before_start', 'after_stop'] as const satisfies readonly Step[];
const KINDS = ['failure', 'permanent', 'transient', 'host'] as const;

const web = { service: 'web', generation: 7 };
const order = { id: 1, services: ['web'], by: 'test' };
const change = { id: 1, group: 'web', by: 'test' };
/** As a service has it that is replaced step by step, though it is one. */
export const group: RolloutGroup = {
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
  check: { askAt: NOW, failures: 2, successes: 0, isHealthy: true, lastFailure: null, hasWritten: false },
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

export function everyState(name: StateName): readonly ServiceState[] {
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

export const policies: readonly Partial<Policy>[] = [
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
export type Make<E> = (policy: Partial<Policy>) => E;
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
  wrote: { 'begins to write': () => ({ type: 'wrote', ...web }) },
  memory_exceeded: { 'takes too much memory': () => ({ type: 'memory_exceeded', ...web, detail: '600 MiB' }) },
  hung_opsd: { 'hangs opsd': () => ({ type: 'hung_opsd', service: 'web', detail: 'FUSE' }) },
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
export const events: readonly (readonly [name: string, make: Make<Event>])[] = [
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

export function worldWith(service: Service): State {
  return {
    ...initialState(1),
    startConcurrency: 8,
    shutdownTimeout: 30_000,
    services: [service],
    slots: new Map([['web', 0]]),
    queue: service.state.name === 'waiting' ? ['web'] : [],
  };
}
