// Taking over from an earlier opsd: what it remembered, what still lives, and what the configuration says now.

import { draw } from '../life/backoff.ts';
import { checkHealth, checkReadiness, UNASKED } from '../life/health.ts';
import { noBeatYet } from '../life/heartbeat.ts';
import { bringDown, bringDownInTurn } from '../life/lifecycle.ts';
import { onEvent } from '../life/machine.ts';
import { isWanted, type Moved, move, type StepContext } from '../life/transition.ts';
import type { Effect } from '../model/effects.ts';
import { initialState, newService } from '../model/initial.ts';
import type { Config, Millis, ServiceSpec } from '../model/spec.ts';
import type { Exit, Next, Run, Service, ServiceState, State } from '../model/state.ts';
import type { Step } from '../model/states.ts';
import { ofUnknownForm, unknownService } from '../model/unknown-service.ts';
import { type Found, recallRollouts, rolledOf } from '../rollout/restore.ts';
import type { SavedService } from './saved-service.ts';

/** A generation of an earlier opsd of which something still lives. */
export interface Survivor {
  readonly service: string;
  readonly generation: number;
  /** Which of its process trees; absent: that of the service itself. */
  readonly step?: Step;
  /** null: the main process is gone, others of its tree are not. */
  readonly pid: number | null;
  readonly startedAt: Millis;
}

export interface Inheritance {
  readonly memories: readonly SavedService[];
  readonly survivors: readonly Survivor[];
}

interface Adoption {
  readonly state: State;
  readonly effects: readonly Effect[];
  /** Older generations beside the adopted one of a service, and such as there cannot be yet: nobody's, to be ended. */
  readonly strays: readonly Survivor[];
}

/**
 * The state that an opsd starts with. The youngest survivor of a service is adopted; those of services that are not
 * configured are stopped. Follow it with the first `configured`, which starts what is not there, and takes down what is
 * to go or to be replaced.
 */
export function adopt(
  config: Config,
  { memories, survivors }: Inheritance,
  fingerprintOf: (spec: ServiceSpec) => string,
  seed: number,
  now: Millis,
): Adoption {
  const effects: Effect[] = [];
  const strays: Survivor[] = [];
  const remembered = new Map(memories.map((memory) => [memory.name, memory]));
  const youngest = new Map<string, Survivor>();
  const believed = survivors.filter((survivor) => isBelieved(survivor, remembered.get(survivor.service)));
  strays.push(...survivors.filter((survivor) => !believed.includes(survivor)));
  for (const survivor of believed.sort(byYouth)) {
    if (!youngest.has(survivor.service)) youngest.set(survivor.service, survivor);
    else strays.push(survivor);
  }
  const names = new Set([...config.services.keys(), ...youngest.keys()]);
  const services: Service[] = [];
  const rolled = rolledOf(config);
  const found: Found = { outdated: new Set(), spared: new Set() };
  let { seed: next, random } = draw(seed);
  for (const name of names) {
    const standIn = rolled.surgeSpecs.get(name);
    const spec = config.services.get(name) ?? standIn;
    const isRolled = standIn !== undefined || rolled.members.has(name);
    const around: StepContext = { now, random, obstacle: notYet, mayRestartUnhealthy: () => false, closingAt: null };
    const memory = remembered.get(name);
    const [service, told] = recallOne(name, spec, memory, youngest.get(name), { fingerprintOf, isRolled }, around);
    services.push(standIn === undefined ? service : { ...service, desired: 'up' });
    effects.push(...told);
    ({ seed: next, random } = draw(next));
    if (!isRolled || !isUp(service) || !isOutdated(service, memory, fingerprintOf)) continue;
    const isRejected = memory?.rejected === fingerprintOf(service.spec);
    (isRejected ? found.spared : found.outdated).add(name);
  }
  const slots = new Map(services.map(({ spec }, slot) => [spec.name, slot]));
  const queue = services.filter(({ state }) => state.name === 'waiting').map(({ spec }) => spec.name);
  const generationFloor = memories.reduce(
    (top, { name, generation }) => (names.has(name) ? top : Math.max(top, generation)),
    0,
  );
  const rollouts = recallRollouts(config, services, found, now);
  const state = { ...initialState(next), services, slots, queue, generationFloor, groups: config.rollouts, rollouts };
  return { state, effects, strays };
}

/** More starts of one service than this cannot have been missed by the state file, which is a moment old. */
const MOST_UNSAVED = 1_000;
/** Of a service of which nothing is known. */
const MOST_GENERATIONS = 1e12;

/**
 * Whoever runs as the user of a service can give a process any generation. A last one of all would be the end of
 * counting: for this service, and once it is removed for all others.
 */
function isBelieved({ generation }: Survivor, memory: SavedService | undefined): boolean {
  return generation <= (memory === undefined ? MOST_GENERATIONS : memory.generation + MOST_UNSAVED);
}

/** How long a hook of an earlier opsd may take to end after SIGTERM. */
const HOOK_PATIENCE: Millis = 5_000;
/** The service itself runs. */
const UNHOOKED = { step: 'main', hookEndsAt: null } as const;

/** Nothing starts before everything was looked at: `configured` opens the gate. */
const notYet = () => ({ text: 'the adoption of running services', on: null, isUnsatisfiable: false });

function byYouth(a: Survivor, b: Survivor): number {
  const isMain = ({ step = 'main' }: Survivor) => Number(step === 'main');
  return (
    isMain(b) - isMain(a) ||
    Number(b.pid !== null) - Number(a.pid !== null) ||
    b.generation - a.generation ||
    b.startedAt - a.startedAt
  );
}

interface Terms {
  readonly fingerprintOf: (spec: ServiceSpec) => string;
  /** A change of its configuration is left to a rollout. */
  readonly isRolled: boolean;
}

/**
 * It was born with another configuration than there is now; or, where the last opsd was killed before it wrote this
 * generation down, the configuration has changed since it last wrote anything: then only a new process is surely right.
 */
function isOutdated(
  { generation, spec }: Service,
  memory: SavedService | undefined,
  fingerprintOf: (spec: ServiceSpec) => string,
): boolean {
  return memory !== undefined && memory.generation <= generation && memory.fingerprint !== fingerprintOf(spec);
}

function isUp({ state }: Service): boolean {
  return state.name === 'starting' || state.name === 'running';
}

function recallOne(
  name: string,
  spec: ServiceSpec | undefined,
  memory: SavedService | undefined,
  survivor: Survivor | undefined,
  terms: Terms,
  around: StepContext,
): Moved {
  const service = withMemory(newService(spec ?? unknownService(name), 0, around.now), memory, spec === undefined);
  if (survivor === undefined)
    return spec === undefined ? [service, []] : absent(service, memory, terms.fingerprintOf, around);
  const { step = 'main' } = survivor;
  if (step !== 'main') return endHook(service, survivor, step, around);
  const [adopted, effects] = adoptService(service, memory, survivor, around);
  if (!('run' in adopted.state) || adopted.state.name === 'stopping') return [adopted, effects];
  const [settled, more] = straighten(adopted, memory, terms, around);
  return [settled, [...effects, ...more]];
}

function withMemory(service: Service, memory: SavedService | undefined, isRemoved: boolean): Service {
  if (memory === undefined) return { ...service, isRemoved };
  const {
    generation,
    wish: desired,
    restarts,
    failuresInARow,
    attemptsInARow,
    lastExit,
    lastReason,
    lastDetail,
  } = memory;
  return {
    ...service,
    isRemoved,
    generation,
    desired,
    restarts,
    failuresInARow,
    attemptsInARow,
    isInTrouble: memory.isInTrouble ?? (memory.state === 'backoff' || memory.state === 'failed'),
    lastExit,
    lastReason,
    lastDetail,
  };
}

/** Only a parent learns how a hook ends: one that an earlier opsd began is ended, and what it was part of begins anew. */
function endHook(service: Service, { generation, startedAt }: Survivor, step: Step, around: StepContext): Moved {
  const { spec } = service;
  const told = `${step}, which an earlier opsd began, is ended`;
  const isToStart = isWanted(service) && (spec.policy.schedule === null || service.desired !== null);
  const next: Next = isToStart
    ? { to: 'start', reason: 'adopted', detail: `the ${step} of an earlier opsd is gone` }
    : { to: 'stopped', reason: 'adopted', detail: told };
  const run: Run = {
    ...UNHOOKED,
    ...{ generation, step, startedAt, pid: null, readyAt: null, isAdopted: true },
    ...{ beat: noBeatYet(spec.policy, around.now), check: UNASKED },
  };
  const known: Service = { ...service, generation: Math.max(service.generation, generation) };
  const stopping: ServiceState = { name: 'stopping', deadline: around.now + HOOK_PATIENCE, run, next };
  const [moved, said] = move(known, stopping, around, 'adopted', told);
  const ask: Effect = { type: 'signal', service: spec.name, generation, step, signal: 'SIGTERM', to: 'tree' };
  return [moved, [...said, { type: 'remove_pid', service: spec.name }, ask]];
}

function adoptService(
  service: Service,
  memory: SavedService | undefined,
  survivor: Survivor,
  around: StepContext,
): Moved {
  const { generation, pid, startedAt } = survivor;
  const { policy, name } = service.spec;
  const isKnown = memory !== undefined && memory.generation === generation;
  const wasReady = isKnown ? memory.readyAt : policy.ready === null ? startedAt : null;
  // It may have been beating all the time, but nobody looked: it gets as long as a new one.
  const beat = noBeatYet(policy, around.now);
  const check = wasReady === null ? checkReadiness(policy, around.now) : checkHealth(policy, around.now, around.random);
  const run: Run = { ...UNHOOKED, generation, pid, startedAt, readyAt: wasReady, isAdopted: true, beat, check };
  const known: Service = { ...service, generation: Math.max(service.generation, generation) };
  const deadline = around.now;
  const state: ServiceState =
    wasReady === null
      ? { name: 'starting', deadline, run: { ...run, startedAt: around.now } }
      : { name: 'running', deadline, run };
  // Without a main process its end is reported as soon as its tree is watched.
  const who = pid === null ? 'its main process is gone' : `pid ${pid}`;
  const [moved, said] = move(known, state, around, 'adopted', `adopted from an earlier opsd (${who})`);
  const pidFile: Effect =
    pid === null ? { type: 'remove_pid', service: name } : { type: 'write_pid', service: name, pid };
  return [moved, [...said, pidFile]];
}

/** Goes on with what the earlier opsd was about to do with a generation that is adopted. */
function straighten(
  service: Service,
  memory: SavedService | undefined,
  { fingerprintOf, isRolled }: Terms,
  around: StepContext,
): Moved {
  if (service.isRemoved) {
    const detail = 'no longer in the configuration';
    return bringDownInTurn(service, around, { to: 'stopped', reason: 'removed', detail });
  }
  if (!isWanted(service)) {
    return bringDownInTurn(service, around, { to: 'stopped', reason: 'adopted', detail: 'its desired state is down' });
  }
  if (memory === undefined) return [service, []];
  const isOfThis = memory.generation === service.generation;
  const wasStopping = isOfThis && (memory.state === 'stopping' || memory.state === 'killing');
  if (isOutdated(service, memory, fingerprintOf)) {
    if (isRolled && !wasStopping) return [service, []];
    const detail = 'its configuration changed while no opsd was there';
    const next: Next = { to: 'start', reason: 'configuration', detail };
    if (wasStopping) return bringDown(service, around, next);
    const changed: Service = { ...service, spec: ofUnknownForm(service.spec), nextSpec: service.spec };
    return bringDownInTurn(changed, around, next);
  }
  if (wasStopping) {
    return bringDown(service, around, { to: 'start', reason: memory.lastReason, detail: memory.lastDetail });
  }
  return [service, []];
}

/** Nothing of it lives. What it was decides what it is now. */
function absent(
  service: Service,
  memory: SavedService | undefined,
  fingerprintOf: (spec: ServiceSpec) => string,
  around: StepContext,
): Moved {
  if (memory === undefined || !isWanted(service)) return [service, []];
  // With another configuration it deserves another try.
  if (memory.fingerprint !== fingerprintOf(service.spec)) {
    return [{ ...service, failuresInARow: 0, attemptsInARow: 0 }, []];
  }
  switch (memory.state) {
    case 'exited':
      return [{ ...service, state: { name: 'exited', deadline: null } }, []];
    case 'failed':
      return [{ ...service, state: { name: 'failed', deadline: memory.deadline } }, []];
    case 'backoff':
      return [{ ...service, state: { name: 'backoff', deadline: memory.deadline ?? around.now } }, []];
    case 'starting':
    case 'running': {
      const run: Run = {
        ...UNHOOKED,
        generation: service.generation,
        pid: null,
        startedAt: memory.startedAt ?? around.now,
        readyAt: memory.readyAt,
        isAdopted: true,
        beat: { at: null, lostAt: null, lookAt: null },
        check: UNASKED,
      };
      const exit: Exit = { code: null, signal: null, oom: false };
      const was: Service = { ...service, state: { name: 'running', deadline: null, run } };
      const event = { type: 'exited', service: service.spec.name, generation: run.generation, exit, left: 0 } as const;
      const [moved, effects] = onEvent(was, event, around);
      return [moved, [{ type: 'remove_pid', service: service.spec.name }, ...effects]];
    }
    case 'stopped':
    case 'waiting':
    case 'stopping':
    case 'killing':
      return [service, []];
    default: {
      const impossible: never = memory.state;
      return impossible;
    }
  }
}
