// Makes the first state of an opsd from the saved state of its predecessor, the survivors, and the configuration.

import { draw } from '../life/backoff.ts';
import { checkHealth, checkReadiness, UNASKED } from '../life/health.ts';
import { noBeatYet } from '../life/heartbeat.ts';
import { bringDown, bringDownInTurn } from '../life/lifecycle.ts';
import { onEvent } from '../life/machine.ts';
import { forgiven, isWanted, type Moved, move, type StepContext } from '../life/transition.ts';
import type { Config } from '../model/config.ts';
import type { Effect } from '../model/effects.ts';
import { initialState, newService } from '../model/initial.ts';
import { isHeldBack } from '../model/lacking.ts';
import type { Millis, ServiceSpec } from '../model/spec.ts';
import type { Exit, Next, Run, Service, ServiceState, State } from '../model/state.ts';
import type { Step } from '../model/states.ts';
import { unknownService, withUnknownSpec } from '../model/unknown-service.ts';
import { type OutdatedMembers, restoreRollouts, rolledOf } from '../rollout/restore.ts';
import type { SavedService } from './saved-service.ts';

/** A process tree that an earlier opsd left. */
export interface Survivor {
  readonly service: string;
  readonly generation: number;
  /** Which process tree of the generation; absent: `main`. */
  readonly step?: Step;
  /** PID of the main process; null: it has ended, and only leftovers live. */
  readonly pid: number | null;
  readonly startedAt: Millis;
}

/** What the predecessor left: its saved state, and what still lives. */
export interface PredecessorState {
  readonly saved: readonly SavedService[];
  readonly survivors: readonly Survivor[];
}

interface Adoption {
  readonly state: State;
  readonly effects: readonly Effect[];
  /** Survivors to end: generations beside the adopted one of a service, and generation numbers that cannot be genuine. */
  readonly strays: readonly Survivor[];
}

/**
 * The state that an opsd starts with. The youngest survivor of a service is adopted; survivors of services that are not
 * configured are stopped. The event `configured` has to follow: it starts the services that do not run.
 *
 * `fingerprintOf`: hash of a spec, comparable with the saved fingerprints.
 */
export function adopt(
  config: Config,
  { saved: savedServices, survivors }: PredecessorState,
  fingerprintOf: (spec: ServiceSpec) => string,
  seed: number,
  now: Millis,
): Adoption {
  const effects: Effect[] = [];
  const strays: Survivor[] = [];
  const savedByName = new Map(savedServices.map((service) => [service.name, service]));
  const youngest = new Map<string, Survivor>();
  const believed = survivors.filter((survivor) => isPlausible(survivor, savedByName.get(survivor.service)));
  strays.push(...survivors.filter((survivor) => !believed.includes(survivor)));
  for (const survivor of believed.sort(youngestFirst)) {
    if (!youngest.has(survivor.service)) youngest.set(survivor.service, survivor);
    else strays.push(survivor);
  }
  const names = new Set([...config.services.keys(), ...youngest.keys()]);
  const services: Service[] = [];
  const rolled = rolledOf(config);
  const found: OutdatedMembers = { outdated: new Set(), rejected: new Set() };
  let { seed: next, random } = draw(seed);
  for (const name of names) {
    const surgeInstance = rolled.surgeSpecs.get(name);
    const spec = config.services.get(name) ?? surgeInstance;
    const isRolled = surgeInstance !== undefined || rolled.members.has(name);
    const context: StepContext = {
      now,
      random,
      obstacle: awaitingAdoption,
      mayRestartUnhealthy: () => false,
      closingAt: null,
    };
    const saved = savedByName.get(name);
    const [service, told] = adoptOne(name, spec, saved, youngest.get(name), { fingerprintOf, isRolled }, context);
    services.push(surgeInstance === undefined ? service : { ...service, desired: 'up' });
    effects.push(...told);
    ({ seed: next, random } = draw(next));
    if (!isRolled || !isUp(service) || isHeldBack(service) || !isOutdated(service, saved, fingerprintOf)) continue;
    const isRejected = saved?.rejected === fingerprintOf(service.spec);
    (isRejected ? found.rejected : found.outdated).add(name);
  }
  const slots = new Map(services.map(({ spec }, slot) => [spec.name, slot]));
  const queue = services.filter(({ state }) => state.name === 'waiting').map(({ spec }) => spec.name);
  const generationFloor = savedServices.reduce(
    (top, { name, generation }) => (names.has(name) ? top : Math.max(top, generation)),
    0,
  );
  const rollouts = restoreRollouts(config, services, found, now);
  const { shutdownTimeout } = config.daemon;
  const state = {
    ...initialState(next),
    shutdownTimeout,
    services,
    slots,
    queue,
    generationFloor,
    groups: config.rollouts,
    rollouts,
  };
  return { state, effects, strays };
}

/** The state file is at most seconds old: it cannot have missed more starts of one service than this. */
const MOST_UNSAVED_GENERATIONS = 1_000;
/** Highest generation that is accepted for a service without saved state. */
const HIGHEST_GENERATION = 1e12;

/**
 * Whether a generation can be genuine. Anybody who runs as the user of a service can put any generation into a marker;
 * the highest possible number would leave no next one: for this service, and, once it is removed, for all others.
 */
function isPlausible({ generation }: Survivor, saved: SavedService | undefined): boolean {
  return generation <= (saved === undefined ? HIGHEST_GENERATION : saved.generation + MOST_UNSAVED_GENERATIONS);
}

/** How long a hook of an earlier opsd may take to end after SIGTERM. */
const HOOK_STOP_TIMEOUT: Millis = 5_000;
/** The part of a run that says that no hook runs. */
const MAIN_STEP = { step: 'main', hookEndsAt: null, overslept: 0 } as const;

/** The obstacle of every start during the adoption: services start with the event `configured`. */
const awaitingAdoption = () => ({ text: 'the adoption of running services', on: null, isUnsatisfiable: false });

function youngestFirst(a: Survivor, b: Survivor): number {
  const isMain = ({ step = 'main' }: Survivor) => Number(step === 'main');
  return (
    isMain(b) - isMain(a) ||
    Number(b.pid !== null) - Number(a.pid !== null) ||
    b.generation - a.generation ||
    b.startedAt - a.startedAt
  );
}

interface AdoptionTerms {
  readonly fingerprintOf: (spec: ServiceSpec) => string;
  /** A rollout, not a restart at once, replaces the service when its configuration has changed. */
  readonly isRolled: boolean;
}

/**
 * Whether the service may run with another spec than the current one: its saved fingerprint differs. If the predecessor
 * was killed before it saved this generation, the saved fingerprint is that of an earlier one; a new process is right
 * in either case.
 */
function isOutdated(
  { generation, spec }: Service,
  saved: SavedService | undefined,
  fingerprintOf: (spec: ServiceSpec) => string,
): boolean {
  return saved !== undefined && saved.generation <= generation && saved.fingerprint !== fingerprintOf(spec);
}

function isUp({ state }: Service): boolean {
  return state.name === 'starting' || state.name === 'running';
}

function adoptOne(
  name: string,
  spec: ServiceSpec | undefined,
  saved: SavedService | undefined,
  survivor: Survivor | undefined,
  terms: AdoptionTerms,
  context: StepContext,
): Moved {
  const service = restoreSaved(newService(spec ?? unknownService(name), 0, context.now), saved, spec === undefined);
  if (survivor === undefined)
    return spec === undefined ? [service, []] : restoreWithoutProcess(service, saved, terms.fingerprintOf, context);
  const { step = 'main' } = survivor;
  if (step !== 'main') return endHook(service, survivor, step, context);
  const [adopted, effects] = adoptService(service, saved, survivor, context);
  if (!('run' in adopted.state) || adopted.state.name === 'stopping') return [adopted, effects];
  const [changed, more] = applyPendingChange(adopted, saved, terms, context);
  return [changed, [...effects, ...more]];
}

function restoreSaved(service: Service, saved: SavedService | undefined, isRemoved: boolean): Service {
  if (saved === undefined) return { ...service, isRemoved };
  const {
    generation,
    wish: desired,
    restarts,
    failuresInARow,
    attemptsInARow,
    lastExit,
    lastReason,
    lastDetail,
  } = saved;
  return {
    ...service,
    isRemoved,
    generation,
    desired,
    restarts,
    failuresInARow,
    attemptsInARow,
    recentFailures: saved.recentFailures ?? service.recentFailures,
    pausesInARow: saved.pausesInARow ?? 0,
    isInTrouble: saved.isInTrouble ?? (saved.state === 'backoff' || saved.state === 'failed'),
    isUnhealthy: saved.isUnhealthy === true,
    lastExit,
    lastReason,
    lastDetail,
  };
}

/** Ends a hook that an earlier opsd started, and starts the service again: only the parent of a hook learns how it ended. */
function endHook(service: Service, { generation, startedAt }: Survivor, step: Step, context: StepContext): Moved {
  const { spec } = service;
  const told = `${step}, which an earlier opsd began, is ended`;
  const isToStart = isWanted(service) && (spec.policy.schedule === null || service.desired !== null);
  const next: Next = isToStart
    ? { to: 'start', reason: 'adopted', detail: `the ${step} of an earlier opsd is gone` }
    : { to: 'stopped', reason: 'adopted', detail: told };
  const run: Run = {
    ...MAIN_STEP,
    ...{ generation, step, startedAt, pid: null, readyAt: null, isAdopted: true },
    ...{ beat: noBeatYet(spec.policy, context.now), check: UNASKED },
  };
  const known: Service = { ...service, generation: Math.max(service.generation, generation) };
  const stopping: ServiceState = { name: 'stopping', deadline: context.now + HOOK_STOP_TIMEOUT, run, next };
  const [moved, said] = move(known, stopping, context, 'adopted', told);
  const ask: Effect = { type: 'signal', service: spec.name, generation, step, signal: 'SIGTERM', to: 'tree' };
  return [moved, [...said, { type: 'remove_pid', service: spec.name }, ask]];
}

function adoptService(
  service: Service,
  saved: SavedService | undefined,
  survivor: Survivor,
  context: StepContext,
): Moved {
  const { generation, pid, startedAt } = survivor;
  const { policy, name } = service.spec;
  const isKnown = saved !== undefined && saved.generation === generation;
  const wasReady = isKnown ? saved.readyAt : policy.ready === null ? startedAt : null;
  // Heartbeats during the takeover were not seen: the adopted service gets as long as a new one.
  const beat = noBeatYet(policy, context.now);
  const check =
    wasReady === null ? checkReadiness(policy, context.now) : checkHealth(policy, context.now, context.random);
  const run: Run = { ...MAIN_STEP, generation, pid, startedAt, readyAt: wasReady, isAdopted: true, beat, check };
  const known: Service = { ...service, generation: Math.max(service.generation, generation) };
  const deadline = context.now;
  const state: ServiceState =
    wasReady === null
      ? { name: 'starting', deadline, run: { ...run, startedAt: context.now } }
      : { name: 'running', deadline, run };
  // Without a main process, `exited` follows as soon as the tree is watched.
  const who = pid === null ? 'its main process is gone' : `pid ${pid}`;
  const [moved, said] = move(known, state, context, 'adopted', `adopted from an earlier opsd (${who})`);
  const pidFile: Effect =
    pid === null ? { type: 'remove_pid', service: name } : { type: 'write_pid', service: name, pid };
  return [moved, [...said, pidFile]];
}

/** Goes on with what the predecessor was about to do with an adopted service, and stops it if it is no longer wanted. */
function applyPendingChange(
  service: Service,
  saved: SavedService | undefined,
  { fingerprintOf, isRolled }: AdoptionTerms,
  context: StepContext,
): Moved {
  if (service.isRemoved) {
    const detail = 'no longer in the configuration';
    return bringDownInTurn(service, context, { to: 'stopped', reason: 'removed', detail });
  }
  if (!isWanted(service)) {
    return bringDownInTurn(service, context, { to: 'stopped', reason: 'adopted', detail: 'its desired state is down' });
  }
  if (saved === undefined) return [service, []];
  const isOfThis = saved.generation === service.generation;
  const wasStopping = isOfThis && (saved.state === 'stopping' || saved.state === 'killing');
  if (isOutdated(service, saved, fingerprintOf)) {
    const changed: Service = { ...service, spec: withUnknownSpec(service.spec), nextSpec: service.spec };
    // Whether it changed, and to what, cannot be known or cannot be had: what runs is better than nothing.
    if (service.spec.hindrance !== undefined && !wasStopping) return [changed, []];
    if (isRolled && !wasStopping) return [service, []];
    const detail = 'its configuration changed while no opsd was there';
    const next: Next = { to: 'start', reason: 'configuration', detail };
    if (wasStopping) return bringDown(service, context, next);
    return bringDownInTurn(changed, context, next);
  }
  if (wasStopping) {
    return bringDown(service, context, { to: 'start', reason: saved.lastReason, detail: saved.lastDetail });
  }
  return [service, []];
}

/** The state of a service without a survivor follows from its saved state. */
function restoreWithoutProcess(
  service: Service,
  saved: SavedService | undefined,
  fingerprintOf: (spec: ServiceSpec) => string,
  context: StepContext,
): Moved {
  if (saved === undefined || !isWanted(service)) return [service, []];
  // With another configuration the service is tried again, and its failures are forgotten.
  if (saved.fingerprint !== fingerprintOf(service.spec)) {
    return [forgiven(service), []];
  }
  switch (saved.state) {
    case 'exited':
      return [{ ...service, state: { name: 'exited', deadline: null } }, []];
    case 'failed':
      return [{ ...service, state: { name: 'failed', deadline: saved.deadline } }, []];
    case 'backoff':
      return [{ ...service, state: { name: 'backoff', deadline: saved.deadline ?? context.now } }, []];
    case 'starting':
    case 'running': {
      const run: Run = {
        ...MAIN_STEP,
        generation: service.generation,
        pid: null,
        startedAt: saved.startedAt ?? context.now,
        readyAt: saved.readyAt,
        isAdopted: true,
        beat: { at: null, lostAt: null, lookAt: null },
        check: UNASKED,
      };
      const exit: Exit = { code: null, signal: null, oom: false };
      const was: Service = { ...service, state: { name: 'running', deadline: null, run } };
      const event = { type: 'exited', service: service.spec.name, generation: run.generation, exit, left: 0 } as const;
      const [moved, effects] = onEvent(was, event, context);
      return [moved, [{ type: 'remove_pid', service: service.spec.name }, ...effects]];
    }
    case 'stopped':
    case 'waiting':
    case 'stopping':
    case 'killing':
      return [service, []];
    default: {
      const impossible: never = saved.state;
      return impossible;
    }
  }
}
