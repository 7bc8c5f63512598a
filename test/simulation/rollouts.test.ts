// Rollouts in random worlds: however slow, crowded or broken they are, no more than they may take down goes down.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Config } from '../../src/core/model/config.ts';
import type { Transition } from '../../src/core/model/effects.ts';
import type { Rollout } from '../../src/core/model/rollout.ts';
import type { Policy, Probe, RolloutPolicy } from '../../src/core/model/spec.ts';
import type { Script } from './host.ts';
import { Simulation } from './simulation.ts';
import { aGroup, readyOn } from './specs.ts';

const WORLDS = Number(process.env.SEEDS ?? 200);
const BEGIN = 20_000;
const LONG = 600_000;

const probe: Probe = { kind: 'tcp', host: 'localhost', port: 80 };

const policyOf: fc.Arbitrary<Partial<Policy>> = fc.record({
  ready: fc.constantFrom(
    null,
    readyOn('delay', 5_000, { delay: 300 }),
    readyOn('heartbeat', 3_000),
    readyOn('tcp', 3_000, { probe }),
  ),
  stopTimeout: fc.constantFrom(100, 1_000, 30_000),
  backoff: fc.record({
    initial: fc.constantFrom(0, 100),
    factor: fc.constant(2),
    max: fc.constantFrom(100, 1600),
    jitter: fc.constantFrom(0, 0.1),
  }),
  maxFailures: fc.constantFrom(0, 3),
  retryFailed: fc.constantFrom(0, 20_000),
  heartbeat: fc.constant({ timeout: 1_000, grace: 2_000 }),
});

/** Beats for ever and never ends by itself; it may take its time to go, or have to be killed. */
const healthy: fc.Arbitrary<Script> = fc.record({
  spawn: fc.constant('works' as const),
  ends: fc.constant(null),
  obeysAfter: fc.option(fc.integer({ min: 0, max: 2_000 }), { freq: 5 }),
  diesAfter: fc.integer({ min: 0, max: 500 }),
  children: fc.option(fc.record({ count: fc.constant(2), obeyAfter: fc.option(fc.integer({ min: 0, max: 900 })) }), {
    freq: 1,
  }),
  beats: fc.constant({ every: 200, silentAfter: Number.MAX_SAFE_INTEGER }),
  newsTakes: fc.integer({ min: 0, max: 30 }),
});

/** It cannot be started, or ends before it says a word. */
const broken: fc.Arbitrary<Script> = fc.oneof(
  healthy.map((script): Script => ({ ...script, spawn: 'permanent' })),
  healthy.map((script): Script => ({ ...script, spawn: 'failure' })),
  fc
    .tuple(healthy, fc.integer({ min: 30, max: 250 }), fc.constantFrom(1, 78))
    .map(([script, after, code]): Script => ({ ...script, beats: null, ends: { after, code } })),
);

const worldOf = fc
  .record({
    seed: fc.integer(),
    count: fc.integer({ min: 1, max: 5 }),
    maxUnavailable: fc.integer({ min: 0, max: 5 }),
    maxSurge: fc.integer({ min: 0, max: 2 }),
    onFailure: fc.constantFrom('stop' as const, 'rollback' as const),
    policy: policyOf,
    old: healthy,
    concurrency: fc.integer({ min: 1, max: 8 }),
  })
  .map((world) => {
    const maxUnavailable = Math.min(world.maxUnavailable, world.count);
    const maxSurge = maxUnavailable === 0 ? Math.max(1, world.maxSurge) : world.maxSurge;
    return { ...world, rollout: { maxUnavailable, maxSurge, onFailure: world.onFailure } satisfies RolloutPolicy };
  });

type World = typeof worldOf extends fc.Arbitrary<infer T> ? T : never;

function configOf({ count, rollout, policy, concurrency }: World, version: number): Config {
  return aGroup('web', count, rollout, policy, version, { startConcurrency: concurrency });
}

/** Runs version 1; what the others do is in `scriptOf`. */
function boot(world: World, scriptOf: (version: number) => Script): Simulation {
  const simulation = new Simulation(world.seed, (_service, _generation, version) => scriptOf(Number(version)));
  simulation.boot(configOf(world, 1));
  simulation.runUntil(BEGIN);
  assert.equal(readyOf(simulation), world.count, 'version 1 runs');
  return simulation;
}

function reload(simulation: Simulation, config: Config): void {
  simulation.post({ type: 'configured', config, isFirst: false });
}

/** Members and stand-ins. */
function readyOf({ state }: Simulation): number {
  return state.services.filter((service) => service.state.name === 'running').length;
}

function rolloutOf({ state }: Simulation): Rollout {
  const rollout = state.rollouts.get('web');
  assert.ok(rollout, 'there is a rollout');
  return rollout;
}

const versionsOf = ({ state }: Simulation) => state.services.map(({ spec }) => spec.launch.command[1]);
const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `web@${index + 1}`);

/** Calls after each step. */
function always(simulation: Simulation, check: () => void): void {
  simulation.check = check;
}

test('a healthy version gets everywhere, and never fewer than instances - max_unavailable are ready', () => {
  fc.assert(
    fc.property(worldOf, healthy, fc.constantFrom('reload' as const, 'restart' as const), (world, young, how) => {
      const simulation = boot(world, (version) => (version === 1 ? world.old : young));
      const { maxUnavailable, maxSurge } = world.rollout;
      let hasOldGone = false;
      always(simulation, () => {
        const ready = readyOf(simulation);
        assert.ok(ready >= world.count - maxUnavailable, `only ${ready} of ${world.count} are ready`);
        const there = simulation.state.services.filter((service) => 'run' in service.state).length;
        assert.ok(there <= world.count + maxSurge, `${there} are there`);
        if (hasOldGone || maxSurge === 0) return;
        hasOldGone = namesOf(world.count).some((name) => simulation.stateOf(name) !== 'running');
        const stoodIn = simulation.transitions.some(
          ({ what }) => what.to === 'running' && !namesOf(world.count).includes(what.service),
        );
        assert.ok(!hasOldGone || stoodIn, 'an old one was asked to go before a new one was ready');
      });
      const id = how === 'restart' ? simulation.rollout('restart', 'web', namesOf(world.count)) : null;
      if (how === 'reload') reload(simulation, configOf(world, 2));
      simulation.runUntil(BEGIN + LONG);
      assert.equal(rolloutOf(simulation).phase, 'done', rolloutOf(simulation).detail);
      assert.deepEqual(
        simulation.state.services.map(({ spec, state }) => `${spec.name} ${state.name} ${spec.launch.command[1]}`),
        namesOf(world.count).map((name) => `${name} running ${how === 'reload' ? 2 : 1}`),
      );
      assert.ok(simulation.state.services.every(({ generation }) => generation === 2));
      if (id !== null)
        assert.deepEqual(
          simulation.answers.get(id)?.map(({ ok }) => ok),
          [true],
        );
    }),
    { numRuns: WORLDS },
  );
});

test('a bad version takes down no more than max_unavailable; rollback, or undo, brings back what was', () => {
  fc.assert(
    fc.property(worldOf, broken, (world, bad) => {
      const simulation = boot(world, (version) => (version === 1 ? world.old : bad));
      const { maxUnavailable, onFailure } = world.rollout;
      always(simulation, () => {
        const ready = readyOf(simulation);
        assert.ok(ready >= world.count - maxUnavailable, `the bad version left ${ready} of ${world.count}`);
      });
      const bads = () => versionsOf(simulation).filter((version) => version === '2').length;
      reload(simulation, configOf(world, 2));
      simulation.runUntil(BEGIN + LONG);
      const rollout = rolloutOf(simulation);
      assert.notEqual(rollout.phase, 'going', rollout.detail);
      if (onFailure === 'stop') {
        assert.equal(rollout.phase, 'stopped');
        assert.ok(bads() <= maxUnavailable, `${bads()} are of the bad version`);
        const id = simulation.rollout('undo', 'web');
        simulation.runUntil(simulation.now + LONG);
        assert.deepEqual(
          simulation.answers.get(id)?.map(({ ok }) => ok),
          [true],
          rolloutOf(simulation).detail,
        );
      }
      assert.deepEqual([rolloutOf(simulation).phase, rolloutOf(simulation).direction], ['done', 'back']);
      assert.deepEqual(
        versionsOf(simulation),
        namesOf(world.count).map(() => '1'),
      );
      assert.equal(readyOf(simulation), world.count);
      // The same again is not tried again; another one is.
      const spawns = simulation.host.processes.length;
      reload(simulation, configOf(world, 2));
      simulation.runUntil(simulation.now + LONG);
      assert.equal(simulation.host.processes.length, spawns);
      // Nor by the next daemon, and the one after that.
      for (let daemons = 0; daemons < 2; daemons += 1) {
        simulation.crash(configOf(world, 2), true);
        simulation.runUntil(simulation.now + LONG);
        assert.equal(simulation.host.processes.length, spawns);
      }
    }),
    { numRuns: WORLDS },
  );
});

test('a rollout survives the daemon: killed at any moment, the next one brings the new version everywhere', () => {
  fc.assert(
    fc.property(
      worldOf,
      healthy,
      fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 3 }),
      (world, young, at) => {
        const simulation = boot(world, (version) => (version === 1 ? world.old : young));
        let lowest = world.count;
        always(simulation, () => {
          lowest = Math.min(lowest, readyOf(simulation));
        });
        reload(simulation, configOf(world, 2));
        for (const pause of at) {
          simulation.runUntil(simulation.now + pause);
          simulation.crash(configOf(world, 2), true);
        }
        simulation.runUntil(simulation.now + LONG);
        assert.deepEqual(
          versionsOf(simulation),
          namesOf(world.count).map(() => '2'),
        );
        const running = simulation.host.alive.map(({ service }) => service);
        assert.deepEqual(running.toSorted(), namesOf(world.count));
        assert.ok(
          simulation.host.alive.every(({ version }) => version === '2'),
          'one of the old version was left',
        );
        assert.ok(lowest >= world.count - world.rollout.maxUnavailable, `only ${lowest} were ready`);
      },
    ),
    { numRuns: WORLDS },
  );
});

/** One that was up was asked to go because its turn had come. */
function isTaken({ from, to, detail }: Transition): boolean {
  return from === 'running' && to === 'stopping' && /rolling restart|rollout of/.test(detail);
}

type Act = {
  readonly at: number;
  readonly what: 'start' | 'stop' | 'restart' | 'reload' | 'undo' | 'retry' | 'roll' | 'crash';
  readonly whom: number;
};

const actOf: fc.Arbitrary<Act> = fc.record({
  at: fc.integer({ min: 0, max: 60_000 }),
  what: fc.constantFrom('start', 'stop', 'restart', 'reload', 'undo', 'retry', 'roll', 'crash'),
  whom: fc.integer({ min: 1, max: 5 }),
});

test('whatever operators do meanwhile, nobody is taken from too few, a rollout ends, each order is answered once, and no stand-in is left', () => {
  fc.assert(
    fc.property(
      worldOf,
      fc.array(fc.oneof(healthy, broken), { minLength: 3, maxLength: 3 }),
      fc.array(actOf, { maxLength: 15 }),
      (world, scripts, acts) => {
        const simulation = boot(world, (version) => (version === 1 ? world.old : (scripts[version - 2] ?? world.old)));
        let seen = simulation.transitions.length;
        // Who was on the way down when opsd was killed goes on: the next one says so once more.
        let leaving: ReadonlySet<string> = new Set();
        always(simulation, () => {
          const taken = simulation.transitions
            .slice(seen)
            .some(({ what }) => isTaken(what) && !leaving.has(what.service));
          seen = simulation.transitions.length;
          const wanted = simulation.state.services.filter(({ spec, desired, isRemoved }) => {
            return !isRemoved && desired !== 'down' && namesOf(world.count).includes(spec.name);
          });
          const least = wanted.length - world.rollout.maxUnavailable;
          assert.ok(!taken || readyOf(simulation) >= least, `one was taken from ${readyOf(simulation) + 1}`);
        });
        let version = 1;
        for (const act of acts.toSorted((a, b) => a.at - b.at)) {
          simulation.runUntil(BEGIN + act.at);
          const name = `web@${act.whom}`;
          if (act.what === 'reload') {
            version = 1 + (act.whom % 4);
            reload(simulation, configOf(world, version));
          } else if (act.what === 'crash') {
            leaving = simulation.leaving();
            simulation.crash(configOf(world, version), true);
            leaving = new Set();
          } else if (act.what === 'undo' || act.what === 'retry') simulation.rollout(act.what, 'web');
          else if (act.what === 'roll') simulation.rollout('restart', 'web', namesOf(world.count));
          else simulation.order(act.what, name);
        }
        simulation.runUntil(BEGIN + LONG);
        const rollout = simulation.state.rollouts.get('web');
        assert.notEqual(rollout?.phase, 'going', rollout?.detail ?? '');
        if (rollout?.phase !== 'stopped') {
          assert.deepEqual(
            simulation.state.services.map(({ spec }) => spec.name),
            namesOf(world.count),
          );
        }
        const at = simulation.now;
        simulation.post({ type: 'shutdown', by: 'test' });
        simulation.runUntil(at + 60_000);
        assert.deepEqual(simulation.host.alive, []);
        for (const [id, what] of simulation.asked)
          assert.equal(simulation.answers.get(id)?.length, simulation.owedBy(id), what);
      },
    ),
    { numRuns: WORLDS },
  );
});
