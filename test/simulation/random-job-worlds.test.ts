// Random worlds of jobs: run by hand and by the clock, with hooks, while they run, hang, fail, are stopped, and the
// daemon oversleeps or is killed.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import { isLive, isWanted } from '../../src/core/life/transition.ts';
import type { Event } from '../../src/core/model/events.ts';
import type { Hook, Policy, Schedule, ServiceSpec } from '../../src/core/model/spec.ts';
import type { Service } from '../../src/core/model/state.ts';
import type { Script } from './host.ts';
import { Simulation } from './simulation.ts';
import { aConfig, aService } from './specs.ts';

const WORLDS = Number(process.env.SEEDS ?? 400);
const LONG = 120_000;
const SHUTDOWN = 30_000;

const millis = (max: number) => fc.integer({ min: 0, max });

const scriptOf: fc.Arbitrary<Script> = fc.record({
  spawn: fc.oneof(
    { weight: 12, arbitrary: fc.constant('works' as const) },
    { weight: 1, arbitrary: fc.constantFrom('permanent' as const, 'transient' as const, 'failure' as const) },
  ),
  ends: fc.option(fc.record({ after: fc.integer({ min: 30, max: 8_000 }), code: fc.constantFrom(0, 0, 0, 1, 78) }), {
    freq: 6,
  }),
  obeysAfter: fc.option(millis(2_000), { freq: 5 }),
  diesAfter: fc.constant(20),
  children: fc.option(fc.record({ count: fc.constant(1), obeyAfter: fc.option(millis(500)) }), { freq: 2 }),
  beats: fc.constant(null),
  newsTakes: millis(30),
});

/** Of a hook: mostly it does its work and ends. */
const hookScriptOf: fc.Arbitrary<Script> = fc.record({
  spawn: fc.oneof(
    { weight: 8, arbitrary: fc.constant('works' as const) },
    { weight: 1, arbitrary: fc.constantFrom('permanent' as const, 'transient' as const, 'failure' as const) },
  ),
  ends: fc.option(fc.record({ after: fc.integer({ min: 1, max: 1_000 }), code: fc.constantFrom(0, 0, 0, 1) }), {
    freq: 6,
  }),
  obeysAfter: fc.option(millis(2_000), { freq: 2 }),
  diesAfter: fc.constant(20),
  children: fc.option(fc.record({ count: fc.constant(1), obeyAfter: fc.constant(null) }), { freq: 3 }),
  beats: fc.constant(null),
  newsTakes: millis(30),
});

/** What the jobs depend on: runs, and obeys. */
const database: Script = {
  spawn: 'works',
  ends: null,
  obeysAfter: 20,
  diesAfter: 5,
  children: null,
  beats: null,
  newsTakes: 1,
};

const hookOf = fc.constantFrom<(Hook | null)[]>(
  null,
  null,
  ...[500, 2_000].map((timeout) => ({ command: ['/hook'], timeout }) as const),
);

const jobOf = fc.record({
  beforeStart: hookOf,
  afterStop: hookOf,
  restart: fc.constantFrom('never' as const, 'never' as const, 'on-failure' as const),
  enabled: fc.boolean(),
  maxFailures: fc.constantFrom(0, 2),
  timeout: fc.constantFrom(null, 3_000),
  stopTimeout: fc.constantFrom(0, 1_000),
  overlap: fc.constantFrom('skip' as const, 'queue' as const, 'kill' as const, null),
  catchUp: fc.boolean(),
  needs: fc.constantFrom('nothing' as const, 'db' as const, 'job' as const),
});

const ORDERS = ['run', 'run', 'run', 'start', 'stop', 'restart'] as const;
const actOf = fc.record({
  at: millis(LONG),
  what: fc.constantFrom(
    ...ORDERS,
    'clock' as const,
    'clock' as const,
    'clock' as const,
    'crash' as const,
    'oversleep' as const,
    'jump' as const,
    'jump' as const,
  ),
  whom: millis(4),
});

const worldOf = fc.record({
  seed: fc.integer(),
  jobs: fc.array(jobOf, { minLength: 1, maxLength: 4 }),
  scripts: fc.array(scriptOf, { minLength: 1, maxLength: 8 }),
  hooks: fc.array(hookScriptOf, { minLength: 1, maxLength: 8 }),
  acts: fc.array(actOf, { minLength: 1, maxLength: 40 }),
});
type World = typeof worldOf extends fc.Arbitrary<infer T> ? T : never;

test('every promise to those who run jobs holds in random worlds', () => {
  fc.assert(fc.property(worldOf, live), { numRuns: WORLDS, endOnFailure: false });
});

function live(world: World): void {
  const simulation = new Simulation(world.seed, (service, generation, _version, step) => {
    const scripts = step === 'main' ? world.scripts : world.hooks;
    return service === 'db' ? database : (scripts[generation % scripts.length] ?? database);
  });
  const config = aConfig(servicesOf(world), { shutdownTimeout: SHUTDOWN });
  const stopped = new Set<string>();
  let bootedAt = 0;
  // What has run for too long, by the time that the opsd before slept, is ended at the first tick of the next.
  simulation.check = (_, event) => checkAlways(simulation, event, simulation.now === bootedAt);
  simulation.boot(config);
  for (const { at, what, whom } of [...world.acts].sort((a, b) => a.at - b.at)) {
    simulation.runUntil(at);
    const name = whom === 4 ? 'db' : `job${whom % world.jobs.length}`;
    if (what === 'crash') {
      bootedAt = simulation.now;
      simulation.crash(config, true);
    } else if (what === 'oversleep') simulation.oversleep(5_000, whom % 2 === 0 ? 'timers' : 'news');
    else if (what === 'clock' || what === 'jump') ring(simulation, name, what === 'jump', stopped);
    else {
      const {
        generation,
        state: { name: was },
      } = serviceOf(simulation, name);
      simulation.order(what, name);
      const isJoin = what === 'run' && name !== 'db' && (was === 'starting' || was === 'running');
      if (isJoin) {
        const now = serviceOf(simulation, name);
        assert.deepEqual(
          [now.generation, now.state.name],
          [generation, was],
          `a run of ${name} joins the one that runs`,
        );
      }
      if (what === 'stop') stopped.add(name);
      else for (const one of [name, ...needsOf(serviceOf(simulation, name))]) stopped.delete(one);
    }
  }
  simulation.runUntil(LONG);
  simulation.post({ type: 'shutdown', by: 'test' });
  simulation.runUntil(LONG + SHUTDOWN + 5_001);
  assert.equal(simulation.exited?.code, 0, 'everything can be stopped here');
  checkAnswers(simulation);
}

function servicesOf({ jobs }: World): ServiceSpec[] {
  return [
    aService('db'),
    ...jobs.map(({ overlap, catchUp, needs, ...policy }, i) => {
      const schedule: Schedule | null =
        overlap === null ? null : { cron: '0 3 * * *', timezone: null, overlap, randomDelay: 0, catchUp };
      const dependsOn: Policy['dependsOn'] =
        needs === 'db'
          ? [{ service: 'db', until: 'ready' }]
          : needs === 'job' && i > 0
            ? [{ service: `job${i - 1}`, until: 'completed' }]
            : [];
      return aService(`job${i}`, { ...policy, schedule, dependsOn });
    }),
  ];
}

function serviceOf({ state }: Simulation, name: string): Service {
  const service = state.services[state.slots.get(name) ?? -1];
  assert.ok(service !== undefined);
  return service;
}

function needsOf({ spec }: Service): readonly string[] {
  return spec.name === 'job0' || spec.policy.dependsOn.length === 0
    ? spec.policy.dependsOn.map(({ service }) => service)
    : ['db', 'job0', 'job1', 'job2'].filter((name) => name < spec.name);
}

/** Its time has come: what that does follows from what it does at this moment. */
function ring(simulation: Simulation, name: string, isMissed: boolean, stopped: ReadonlySet<string>): void {
  const before = serviceOf(simulation, name);
  const seen = simulation.transitions.length;
  simulation.post({ type: 'scheduled', service: name, isMissed });
  const moves = simulation.transitions.slice(seen).filter(({ what }) => what.service === name);
  const { schedule } = before.spec.policy;
  const after = serviceOf(simulation, name);
  if (schedule === null || stopped.has(name) || !isWanted(before))
    return assert.deepEqual(moves, [], `${name} was not to be started`);
  const missed = simulation.effects.filter(({ at, what }) => at === simulation.now && what.type === 'missed');
  if (isMissed && !schedule.catchUp) {
    assert.deepEqual(moves, [], `${name} was missed, and is not made up for`);
    assert.ok(missed.some(({ what }) => what.type === 'missed' && what.service === name));
    return;
  }
  if (!isLive(before.state) && before.state.name !== 'waiting') {
    assert.ok(['starting', 'waiting'].includes(moves[0]?.what.to ?? ''), `${name} did not start on time`);
    return;
  }
  if (before.state.name === 'waiting') return;
  if (schedule.overlap !== 'kill') assert.deepEqual(moves, [], `${name} runs, and is left alone`);
  assert.equal(after.isQueued, before.isQueued || schedule.overlap === 'queue');
  if (schedule.overlap === 'kill' && before.state.name === 'running') assert.equal(moves[0]?.what.to, 'stopping');
}

function checkAlways(simulation: Simulation, event: Event, hasJustBegun: boolean): void {
  const { state, now } = simulation;
  for (const { state: is, spec, isQueued } of state.services) {
    assert.ok(!isQueued || isLive(is) || is.name === 'waiting', `${spec.name} is ${is.name}, and still queued`);
    const { timeout } = spec.policy;
    if (timeout === null || hasJustBegun || (is.name !== 'starting' && is.name !== 'running')) continue;
    // At the moment itself other events may come before the tick.
    assert.ok(now - is.run.startedAt - is.run.overslept <= timeout, `${spec.name} runs longer than its timeout`);
  }
  const last = simulation.transitions.at(-1);
  if (last?.at !== now || last.what.to !== 'starting' || event.type === 'configured') return;
  const { policy } = serviceOf(simulation, last.what.service).spec;
  for (const { service: needed, until } of policy.dependsOn) {
    const { name, lastReason } = { ...serviceOf(simulation, needed).state, ...serviceOf(simulation, needed) };
    const isMet = until === 'completed' ? name === 'exited' && lastReason === 'success' : name === 'running';
    assert.ok(isMet || last.what.reason === 'adopted', `${last.what.service} was started, and ${needed} is ${name}`);
  }
}

/** Each order is answered once; a run that is told to have completed has, at that moment. */
function checkAnswers(simulation: Simulation): void {
  for (const [id, asked] of simulation.asked) {
    const answers = simulation.answers.get(id) ?? [];
    assert.equal(answers.length, 1, `${asked} is answered exactly once`);
    const [answer] = answers;
    if (!asked.startsWith('run ') || answer?.ok !== true) continue;
    const told = simulation.effects.find(({ what }) => what.type === 'answer' && what.id === id);
    // A queued run may follow in the same moment.
    const place = told === undefined ? -1 : simulation.effects.indexOf(told);
    const end = simulation.effects.slice(0, place).findLast(({ what }) => {
      return what.type === 'transition' && `run ${what.service}` === asked;
    });
    assert.ok(end?.what.type === 'transition');
    assert.deepEqual([end.at, end.what.to, end.what.reason], [told?.at, 'exited', 'success'], asked);
  }
}
