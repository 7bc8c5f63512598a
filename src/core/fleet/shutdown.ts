// The end of the daemon: everything is stopped, dependents first, or handed over as it is.

import { bringDown, KILL_WAIT, killNow } from '../life/lifecycle.ts';
import { dismiss } from '../life/pending-commands.ts';
import { isLive } from '../life/transition.ts';
import type { Millis } from '../model/spec.ts';
import type { Phase, Service } from '../model/state.ts';
import { isNeeded } from './ordering.ts';
import type { StepDraft } from './step.ts';

type Closing = Extract<Phase, { name: 'shutting_down' }>;

const reason = 'shutdown';
/** What opsd exits with where a service has no exit code of its own. */
const RUNTIME_ERROR = 2;

/** The first request stops everything within `shutdown_timeout`, a second one kills at once. */
export function shutDown(world: StepDraft, by: string, code = 0): void {
  const { phase } = world.state;
  if (phase.name === 'shutting_down') {
    // Asking a third time would only put off the end of the waiting.
    if (!phase.isKilling) killAll(world, phase, `shutdown asked for again by ${by}`);
    return;
  }
  const deadline = world.now + world.state.shutdownTimeout;
  world.state = { ...world.state, phase: { name: 'shutting_down', deadline, isKilling: false, code, by } };
  world.mapAll((service, around) => {
    const [free, answers] = dismiss(service, { ok: false, code: 'shutting_down', message: 'opsd is shutting down' });
    if (free.state.name === 'starting' || free.state.name === 'running') return [{ ...free, deferred: null }, answers];
    const [moved, effects] = bringDown(free, around, { to: 'stopped', reason, detail: `shutdown by ${by}` });
    return [moved, [...answers, ...effects]];
  });
}

/** Leaves every service as it is to the next opsd. */
export function handOver(world: StepDraft, by: string): void {
  if (world.state.phase.name !== 'running') return;
  world.mapAll((service) =>
    dismiss(service, { ok: false, code: 'gone', message: 'opsd is handing over: ask the next opsd' }),
  );
  world.state = { ...world.state, phase: { name: 'over' } };
  world.effects.push({ type: 'exit', code: 0, why: `handed over by ${by}; the services run on` });
}

/** The deadline of a shutdown has come: SIGKILL to all, and when that was before, the end. */
export function shutdownDue(world: StepDraft): void {
  const { phase } = world.state;
  if (phase.name !== 'shutting_down' || phase.deadline > world.now) return;
  if (!phase.isKilling) return killAll(world, phase, 'the shutdown took longer than shutdown_timeout');
  const stuck = world.state.services.filter(({ state }) => isLive(state)).map(({ spec }) => spec.name);
  world.state = { ...world.state, phase: { name: 'over' } };
  world.effects.push({ type: 'exit', code: 2, why: `not known to be gone after SIGKILL: ${stuck.join(', ')}` });
}

/** opsd overslept: it has not heard of those that have gone meanwhile, so the end comes that much later. */
export function postponeEnd(world: StepDraft, gap: Millis): void {
  const { phase } = world.state;
  if (phase.name === 'shutting_down')
    world.state = { ...world.state, phase: { ...phase, deadline: phase.deadline + gap } };
}

/** During a shutdown: asks those to stop that nobody needs any more, and ends it when nothing lives. */
export function proceedShutdown(world: StepDraft): void {
  const { phase } = world.state;
  if (phase.name !== 'shutting_down') return;
  for (const { spec, state } of world.state.services) {
    if (state.name !== 'starting' && state.name !== 'running') continue;
    if (isNeeded(world.state, spec.name)) continue;
    const detail = 'opsd is shutting down';
    world.change(spec.name, (service, around) => bringDown(service, around, { to: 'stopped', reason, detail }));
  }
  if (world.state.services.some(({ state }) => isLive(state))) return;
  world.state = { ...world.state, phase: { name: 'over' } };
  world.effects.push({ type: 'exit', code: phase.code, why: `every service is stopped (${phase.by})` });
}

/** Ends opsd for a service: when one with `on_failed = "shutdown"` has failed, or all have ended (`exit_when`). */
export function considerEnd(world: StepDraft): void {
  const { phase, services, exitWhen } = world.state;
  if (phase.name !== 'running' || !world.hasMoved) return;
  const fatal = services.find((service) => service.spec.policy.onFailed === 'shutdown' && hasFailed(service));
  if (fatal !== undefined) {
    return shutDown(world, `on_failed of ${fatal.spec.name}`, fatal.lastExit?.code || RUNTIME_ERROR);
  }
  if (exitWhen === 'never' || services.length === 0 || !services.every(hasEnded)) return;
  const isBad = services.some(({ state: { name }, lastFailure }) => {
    return name === 'failed' || name === 'waiting' || lastFailure !== null;
  });
  shutDown(world, 'exit_when = "all-exited"', isBad ? RUNTIME_ERROR : 0);
}

/** It is not started any more, by `max_failures` or by its policy. */
function hasFailed({ state, lastFailure }: Service): boolean {
  return state.name === 'failed' || (state.name === 'exited' && lastFailure !== null);
}

/** One that waits for what will not come will not come either. */
function hasEnded({ state, spec, desired }: Service): boolean {
  if (state.name === 'waiting') return state.isUnsatisfiable;
  if (state.name === 'exited' || (state.name === 'failed' && state.deadline === null)) return true;
  return state.name === 'stopped' && (desired === 'down' || !spec.policy.enabled);
}

function killAll(world: StepDraft, phase: Closing, detail: string): void {
  const deadline: Millis = world.now + KILL_WAIT;
  world.state = { ...world.state, phase: { ...phase, deadline, isKilling: true } };
  world.mapAll((service, around) => killNow(service, around, reason, detail));
}
