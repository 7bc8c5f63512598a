// Random worlds: children that obey, crash, hang and die slowly; operators who change their minds; stale news.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Transition } from '../../src/core/model/effects.ts';
import type { Event } from '../../src/core/model/events.ts';
import { lacksHost } from '../../src/core/model/lacking.ts';
import type { Backoff, Health, Hook, Policy, Probe, ServiceSpec } from '../../src/core/model/spec.ts';
import { CrashLoops } from './crash-loops.ts';
import type { Script } from './host.ts';
import { Recoveries } from './recoveries.ts';
import { LOOK_PERIOD, Simulation } from './simulation.ts';
import { aConfig, aService, readyOn } from './specs.ts';
import { Steps } from './steps.ts';

const WORLDS = Number(process.env.SEEDS ?? 400);
const QUIET = 60_000;
const BUSY = 120_000;

const millis = (max: number) => fc.integer({ min: 0, max });

const scriptOf: fc.Arbitrary<Script> = fc.record({
  spawn: fc.oneof(
    { weight: 12, arbitrary: fc.constant('works' as const) },
    { weight: 1, arbitrary: fc.constantFrom('permanent' as const, 'transient' as const, 'failure' as const) },
  ),
  // A process that is not there for a moment at least cannot be: a spawn alone takes that long.
  ends: fc.option(fc.record({ after: fc.integer({ min: 30, max: 30_000 }), code: fc.constantFrom(0, 1, 2, 78) }), {
    freq: 2,
  }),
  obeysAfter: fc.option(millis(5_000), { freq: 5 }),
  diesAfter: fc.option(millis(4_000), { freq: 30 }),
  children: fc.option(
    fc.record({ count: fc.integer({ min: 1, max: 3 }), obeyAfter: fc.option(millis(2_000), { freq: 3 }) }),
    { freq: 3 },
  ),
  beats: fc.option(
    fc.record({ every: fc.integer({ min: 50, max: 900 }), silentAfter: fc.integer({ min: 0, max: 200_000 }) }),
  ),
  newsTakes: millis(30),
});

/** Of a hook: mostly it does its work and ends. */
const hookScriptOf: fc.Arbitrary<Script> = fc.record({
  spawn: fc.oneof(
    { weight: 12, arbitrary: fc.constant('works' as const) },
    { weight: 1, arbitrary: fc.constantFrom('permanent' as const, 'transient' as const, 'failure' as const) },
  ),
  ends: fc.option(fc.record({ after: fc.integer({ min: 1, max: 2_000 }), code: fc.constantFrom(0, 0, 0, 1) }), {
    freq: 6,
  }),
  obeysAfter: fc.option(millis(5_000), { freq: 2 }),
  diesAfter: fc.option(millis(4_000), { freq: 30 }),
  children: fc.option(fc.record({ count: fc.integer({ min: 1, max: 3 }), obeyAfter: fc.constant(null) }), { freq: 2 }),
  beats: fc.constant(null),
  newsTakes: millis(30),
});

/** A hook that does its work in a moment. */
const quick: Script = {
  spawn: 'works',
  ends: { after: 10, code: 0 },
  obeysAfter: 20,
  diesAfter: 5,
  children: null,
  beats: null,
  newsTakes: 1,
};

/** Obeys, beats for ever, never ends by itself. */
const wellBehaved: Script = {
  spawn: 'works',
  ends: null,
  obeysAfter: 20,
  diesAfter: 5,
  children: null,
  beats: { every: 200, silentAfter: Number.MAX_SAFE_INTEGER },
  newsTakes: 1,
};

const probe: Probe = { kind: 'tcp', host: 'localhost', port: 80 };

function hookOf(timeout: number): Hook {
  return { command: ['/hook'], timeout };
}

const policyOf: fc.Arbitrary<Partial<Policy>> = fc.record({
  enabled: fc.boolean(),
  restart: fc.constantFrom('always' as const, 'on-failure' as const, 'never' as const),
  backoff: fc.record({
    initial: fc.constantFrom(0, 1, 100),
    factor: fc.constantFrom(1, 2),
    max: fc.constantFrom(100, 1600),
    jitter: fc.constantFrom(0, 0.1, 1),
  }),
  stableAfter: fc.constantFrom(1_000, 10_000),
  onDependencyRestart: fc.constantFrom('restart' as const, 'keep' as const),
  timeout: fc.constantFrom(null, null, 20_000),
  maxFailures: fc.constantFrom(0, 3, 10),
  maxFailuresIn: fc.constantFrom(0, 20_000, 600_000),
  retryFailed: fc.constantFrom(0, 20_000),
  stopTimeout: fc.constantFrom(0, 1_000, 30_000),
  heartbeat: fc.constantFrom(null, { timeout: 1_000, grace: 2_000 }),
  health: fc.option(
    fc.record<Health>({
      probe: fc.constant(probe),
      interval: fc.constant(1_000),
      timeout: fc.constant(500),
      failures: fc.constantFrom(1, 3),
      successes: fc.constantFrom(1, 2),
      onFailure: fc.constantFrom('restart' as const, 'mark' as const),
    }),
    { nil: null },
  ),
  beforeStart: fc.constantFrom(null, null, hookOf(500), hookOf(5_000)),
  afterStop: fc.constantFrom(null, null, hookOf(500), hookOf(5_000)),
  ready: fc.constantFrom(
    null,
    null,
    readyOn('delay', 5_000, { delay: 300 }),
    readyOn('heartbeat', 3_000),
    readyOn('tcp', 3_000, { probe }),
  ),
});

type Rare = 'reload' | 'oversleep' | 'crash' | 'crash and forget' | 'handover' | 'break the files';

type Act =
  | {
      readonly at: number;
      readonly what: 'start' | 'stop' | 'restart' | 'reset' | 'stale' | 'cascade';
      readonly whom: number;
    }
  | {
      readonly at: number;
      readonly what: 'vanish' | 'return';
      readonly whom: number;
    }
  | {
      readonly at: number;
      readonly what: Rare;
      readonly which: number;
    };

const actOf: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      at: millis(BUSY),
      what: fc.constantFrom(
        'start' as const,
        'stop' as const,
        'restart' as const,
        'reset' as const,
        'stale' as const,
        'cascade' as const,
      ),
      whom: millis(4),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      at: millis(BUSY),
      what: fc.constantFrom('vanish' as const, 'vanish' as const, 'return' as const),
      whom: millis(4),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      at: millis(BUSY),
      what: fc.constantFrom<Rare>(
        'reload',
        'reload',
        'oversleep',
        'crash',
        'crash',
        'crash and forget',
        'handover',
        'break the files',
      ),
      which: millis(3),
    }),
  },
);

const worldOf = fc.record({
  seed: fc.integer(),
  policies: fc.array(policyOf, { minLength: 1, maxLength: 5 }),
  /** Edge i to a service before it. */
  needs: fc.array(fc.option(millis(3), { freq: 2 }), { minLength: 5, maxLength: 5 }),
  ties: fc.array(fc.constantFrom('ready' as const, 'ready' as const, 'started' as const, 'after' as const), {
    minLength: 5,
    maxLength: 5,
  }),
  scripts: fc.array(scriptOf, { minLength: 1, maxLength: 12 }),
  hooks: fc.array(hookScriptOf, { minLength: 1, maxLength: 8 }),
  acts: fc.array(actOf, { maxLength: 25 }),
  isCalmAtTheEnd: fc.boolean(),
  secondShutdownAfter: fc.option(millis(3_000), { freq: 2 }),
  shutdownTimeout: fc.constantFrom(1_000, 30_000),
});

type World = typeof worldOf extends fc.Arbitrary<infer T> ? T : never;

test('every promise of the core holds in random worlds', () => {
  fc.assert(fc.property(worldOf, live), { numRuns: WORLDS, endOnFailure: false });
});

function live(world: World): void {
  let isCalm = false;
  const simulation = new Simulation(world.seed, (_, generation, _version, step) => {
    if (step !== 'main') return (isCalm ? null : world.hooks[generation % world.hooks.length]) ?? quick;
    if (isCalm) return wellBehaved;
    return world.scripts[generation % world.scripts.length] ?? wellBehaved;
  });
  const recoveries = new Recoveries();
  const steps = new Steps();
  const loops = new CrashLoops();
  let seen = 0;
  // Who was on the way down when opsd was killed goes on: the next one says so once more.
  let leaving: ReadonlySet<string> = new Set();
  let done = 0;
  let before: Event | null = null;
  simulation.check = (_, event) => {
    const isAwakeAgain = event.type === 'overslept' || (event.type === 'tick' && before?.type === 'overslept');
    if (isAwakeAgain) assert.equal(simulation.effects.length, done, 'something was due before the news of that time');
    done = simulation.effects.length;
    before = event;
    checkBackoff(simulation);
    recoveries.check(simulation);
    steps.check(simulation);
    loops.check(simulation, event);
    const news = simulation.transitions.slice(seen).map(({ what }) => what);
    for (const one of news) if (!leaving.has(one.service)) checkStop(simulation, one);
    for (const one of news) checkKept(simulation, one);
    for (const last of news.slice(-1)) checkStart(simulation, last);
    seen = simulation.transitions.length;
  };
  const versions = [
    servicesOf(world, 1),
    servicesOf(world, 2),
    withoutFirst(servicesOf(world, 1)),
    turnedRound(servicesOf(world, 2)),
  ];
  const configOf = (which: number) =>
    aConfig((versions[which % versions.length] ?? []).map(asHostIs), {
      shutdownTimeout: world.shutdownTimeout,
      startConcurrency: 2,
    });
  const asHostIs = (spec: ServiceSpec): ServiceSpec =>
    simulation.host.lacking.has(spec.name) ? { ...spec, hindrance: 'its program is missing' } : spec;
  let current = 0;
  // Until the next act that breaks or mends them. Nothing that the files would change comes into force meanwhile.
  let areBroken = false;
  simulation.boot(configOf(0));
  const lastOrder = new Map<string, string>();
  for (const act of [...world.acts].sort((a, b) => a.at - b.at)) {
    simulation.runUntil(act.at);
    if (act.what === 'vanish') simulation.vanish(`s${act.whom}`);
    else if (act.what === 'return') simulation.giveBack(`s${act.whom}`, () => configOf(current));
    else if ('whom' in act) carryOut(simulation, act.what, `s${act.whom}`, lastOrder);
    else if (act.what === 'break the files') areBroken = !areBroken;
    else if (areBroken && (act.what === 'reload' || act.what === 'handover')) {
      assert.equal(simulation.exited, null, 'it is refused, and opsd goes on');
    } else if (act.what === 'reload') {
      current = act.which % versions.length;
      simulation.post({ type: 'configured', config: configOf(current), isFirst: false });
      for (const name of [...lastOrder.keys()]) if (!configOf(current).services.has(name)) lastOrder.delete(name);
    } else if (act.what !== 'oversleep') {
      // The next daemon may find another configuration: that is like a reload. Beside broken files it goes on with this.
      if (act.which === 1 && !areBroken) current = 1;
      const hasMemory = act.what !== 'crash and forget';
      leaving = simulation.leaving();
      recoveries.crash(hasMemory);
      steps.crash();
      loops.crash();
      if (act.what === 'handover') simulation.handOver(configOf(current));
      else simulation.crash(configOf(current), hasMemory);
      leaving = new Set();
      for (const name of [...lastOrder.keys()]) {
        if (!hasMemory || !configOf(current).services.has(name)) lastOrder.delete(name);
      }
    } else {
      simulation.oversleep(7_000, act.which % 2 === 0 ? 'timers' : 'news');
    }
  }
  simulation.runUntil(BUSY);
  for (const name of [...simulation.host.lacking]) simulation.giveBack(name, () => configOf(current));
  simulation.runUntil(simulation.now + LOOK_PERIOD + 1);
  checkNobodyLacks(simulation);
  if (world.isCalmAtTheEnd) {
    isCalm = true;
    // Dependents first, as `ctl restart all` orders it.
    for (const name of [...configOf(current).services.keys()].reverse())
      carryOut(simulation, 'restart', name, lastOrder);
    simulation.runUntil(simulation.now + 3 * QUIET);
    checkCalm(simulation, world);
  }
  checkLastOrder(simulation, lastOrder);
  recoveries.checkAllTold(simulation);
  const shutdownAt = simulation.now;
  simulation.post({ type: 'shutdown', by: 'test' });
  if (world.secondShutdownAfter !== null) {
    simulation.runUntil(shutdownAt + world.secondShutdownAfter);
    simulation.post({ type: 'shutdown', by: 'test' });
  }
  simulation.runUntil(shutdownAt + world.shutdownTimeout + 5_001);
  checkEnd(simulation, shutdownAt, world);
}

function servicesOf(world: World, version: number): ServiceSpec[] {
  return world.policies.map((policy, i) => {
    const need = world.needs[i];
    const tie = world.ties[i] ?? 'ready';
    const earlier = need === null || need === undefined || need >= i ? [] : [`s${need}`];
    const dependsOn = tie === 'after' ? [] : earlier.map((service) => ({ service, until: tie }));
    const after = tie === 'after' ? earlier : [];
    // opsd check refuses readiness by a heartbeat that is not configured.
    const heartbeat = policy.ready?.on === 'heartbeat' ? { timeout: 1_000, grace: 2_000 } : (policy.heartbeat ?? null);
    return aService(`s${i}`, { ...policy, heartbeat, dependsOn, after }, version);
  });
}

/** And without what would depend on it: opsd check refuses that. */
function withoutFirst([first, ...services]: readonly ServiceSpec[]): ServiceSpec[] {
  return services.map((spec) => {
    const dependsOn = spec.policy.dependsOn.filter(({ service }) => service !== first?.name);
    const after = spec.policy.after.filter((name) => name !== first?.name);
    return { ...spec, policy: { ...spec.policy, dependsOn, after } };
  });
}

/** Who was needed needs now: an operator's order and a reload may come to wait for each other. */
function turnedRound(services: readonly ServiceSpec[]): ServiceSpec[] {
  return services.map((spec) => {
    const needing = services.filter(({ policy }) => policy.dependsOn.some(({ service }) => service === spec.name));
    const later = services.filter(({ policy }) => policy.after.includes(spec.name));
    const dependsOn = needing.map(({ name }) => ({ service: name, until: 'ready' as const }));
    return { ...spec, policy: { ...spec.policy, dependsOn, after: later.map(({ name }) => name) } };
  });
}

function carryOut(
  simulation: Simulation,
  what: 'start' | 'stop' | 'restart' | 'reset' | 'stale' | 'cascade',
  service: string,
  lastOrder: Map<string, string>,
): void {
  if (what === 'stale') {
    const known = simulation.state.services[simulation.state.slots.get(service) ?? -1];
    const generation = (known?.generation ?? 1) - 1;
    const exit = { code: 1, signal: null, oom: false };
    const before = simulation.state.services;
    simulation.post({ type: 'exited', service, generation, exit, left: 0 });
    simulation.post({ type: 'heartbeat_checked', service, generation, changed: false });
    simulation.post({ type: 'tree_exited', service, generation });
    assert.deepEqual(simulation.state.services, before, 'old news changed something');
    return;
  }
  if (what === 'cascade' || what === 'stop') {
    const id = simulation.orderAll('stop', [service], what === 'cascade');
    const isKept = (name: string) =>
      simulation.state.services.some(({ spec, isRemoved }) => spec.name === name && !isRemoved);
    const stopped = simulation.taken(id).filter(isKept);
    for (const name of stopped) lastOrder.set(name, 'stop');
    checkCascade(simulation, stopped);
    return;
  }
  simulation.order(what, service);
  const known = simulation.state.services[simulation.state.slots.get(service) ?? -1];
  const isKnown = known !== undefined && !known.isRemoved;
  if (isKnown && what !== 'reset') lastOrder.set(service, what);
  // A service that is started starts what it needs.
  if (!isKnown || (what !== 'start' && what !== 'restart')) return;
  const needed = new Set([service]);
  for (const name of needed) {
    const spec = simulation.state.services[simulation.state.slots.get(name) ?? -1]?.spec;
    for (const { service: other } of spec?.policy.dependsOn ?? []) needed.add(other);
    if (name !== service) lastOrder.delete(name);
  }
}

/** Nothing starts before what it requires: seen of the last news of a step, as what it required may be on its way again. */
function checkStart({ state }: Simulation, { service: name, to, reason }: Transition): void {
  const service = state.services[state.slots.get(name) ?? -1];
  if (service === undefined || to !== 'starting' || reason === 'adopted') return;
  for (const { service: needed, until } of service.spec.policy.dependsOn) {
    const other = state.services[state.slots.get(needed) ?? -1]?.state;
    const isMet = other?.name === 'running' || (until === 'started' && other?.name === 'starting');
    assert.ok(isMet, `${name} started before ${needed} was ${until}: it is ${other?.name}`);
  }
  for (const earlier of service.spec.policy.after) {
    const other = state.services[state.slots.get(earlier) ?? -1]?.state.name;
    assert.ok(other !== 'waiting' && other !== 'starting', `${name} started before ${earlier}`);
  }
}

/** Nothing required is asked to go before those that need it and go too; in a shutdown that is all of them. */
function checkStop({ state, together }: Simulation, { service: name, to, reason, detail }: Transition): void {
  if (to !== 'stopping') return;
  const isOrderly = detail.startsWith('restart by') || reason === 'removed' || reason === 'configuration';
  for (const { spec, state: other } of state.services) {
    if (!comesAfter(spec, name)) continue;
    const isGoing = other.name === 'stopping' || (other.name === 'killing' && !other.isStuck);
    const isTogether = detail.startsWith('stop by') && together.get(name)?.has(spec.name) === true;
    assert.ok(
      !(isOrderly || isTogether) || !isGoing,
      `${name} was asked to go (${detail}) while ${spec.name} still stops`,
    );
    const isLive = 'run' in other;
    assert.ok(reason !== 'shutdown' || !isLive, `${name} was asked to stop before ${spec.name}, which needs it`);
  }
}

/** What is there again is started: nobody waits longer than until the next look. */
function checkNobodyLacks({ state }: Simulation): void {
  for (const service of state.services) assert.ok(!lacksHost(service), `${service.spec.name} lacks nothing any more`);
}

/** A configuration that cannot be started here ends nothing that runs. */
function checkKept({ state }: Simulation, { service: name, to, detail }: Transition): void {
  if (to !== 'stopping' || detail !== 'its configuration changed') return;
  const service = state.services[state.slots.get(name) ?? -1];
  assert.equal(service?.nextSpec?.hindrance, undefined, `${name} goes for a form that cannot be started`);
}

/** Whoever is stopped is on the way down, or about to be when its turn comes. */
function checkCascade({ state }: Simulation, names: readonly string[]): void {
  const chosen = state.services.filter(({ spec }) => names.includes(spec.name));
  for (const { spec, state: own, deferred } of chosen) {
    assert.ok(!('run' in own) || deferred !== null || 'next' in own, `${spec.name} is not stopped`);
  }
}

function comesAfter({ policy }: ServiceSpec, name: string): boolean {
  return policy.after.includes(name) || policy.dependsOn.some(({ service }) => service === name);
}

/** The delay of the last backoff, against an oracle that only counts transitions. */
function checkBackoff({ transitions, state }: Simulation): void {
  const last = transitions.at(-1);
  if (last?.what.to !== 'backoff') return;
  const service = state.services[state.slots.get(last.what.service) ?? -1];
  if (service === undefined || last.what.nextAttemptAt === null) return;
  const { initial, max, jitter }: Backoff = service.spec.policy.backoff;
  const delay = last.what.nextAttemptAt - last.at;
  assert.ok(delay >= Math.min(initial, max) * (1 - jitter) - 1e-6, `a backoff of ${delay} ms is too short`);
  assert.ok(delay <= Math.max(100, max * (1 + jitter)) + 1e-6, `a backoff of ${delay} ms is too long`);
}

function checkCalm(simulation: Simulation, world: World): void {
  const isStuck = [...world.scripts, ...world.hooks].some((script) => script.diesAfter === null);
  if (isStuck) return;
  for (const { spec, desired, state, lastDetail } of simulation.state.services) {
    // One that is to end by itself does not run for ever, nor what is started anew with it.
    if (desired !== 'up' || world.policies.some(({ timeout }) => timeout !== null)) continue;
    assert.equal(state.name, 'running', `${spec.name} is wanted and its child is well-behaved: ${lastDetail}`);
  }
}

function checkLastOrder(simulation: Simulation, lastOrder: ReadonlyMap<string, string>): void {
  for (const [name, order] of lastOrder) {
    const state = simulation.stateOf(name);
    if (order !== 'stop') assert.notEqual(state, 'stopped', `the last order for ${name} was ${order}`);
    else {
      const isHeld = simulation.state.services.some(
        ({ spec, deferred }) => spec.name === name && deferred?.to === 'stopped',
      );
      const isGoing = isHeld || ['stopped', 'stopping', 'killing'].includes(state);
      assert.ok(isGoing, `${name} is ${state}, its last order was stop`);
    }
  }
}

function checkEnd(simulation: Simulation, shutdownAt: number, world: World): void {
  const { exited } = simulation;
  assert.ok(exited !== null, 'the shutdown does not end');
  assert.ok(exited.at - shutdownAt <= world.shutdownTimeout + 5_000, 'the shutdown takes too long');
  for (const id of simulation.asked.keys()) {
    assert.equal(
      simulation.answers.get(id)?.length,
      simulation.owedBy(id),
      `${simulation.asked.get(id)} is answered exactly once`,
    );
  }
  if (exited.code === 2) {
    const isUnknown = simulation.host.alive.length > 0 || exited.untold > 0;
    assert.ok(isUnknown, 'exit code 2 means that something lives, as far as opsd knows');
    return;
  }
  assert.deepEqual(
    simulation.host.alive.map(({ service }) => service),
    [],
    'something is left alive',
  );
  assert.deepEqual([...simulation.host.pidFiles.keys()], [], 'a PID file is left');
}
