// The end of opsd: a shutdown stops all services, dependents first; a handover leaves them running.

import { bringDown, KILL_WAIT, killNow } from '../life/lifecycle.ts';
import { answerAll } from '../life/pending-commands.ts';
import { isLive } from '../life/transition.ts';
import type { Millis } from '../model/spec.ts';
import type { Phase, Service } from '../model/state.ts';
import { isNeeded } from './ordering.ts';
import type { StepDraft } from './step.ts';

type ShuttingDown = Extract<Phase, { name: 'shutting_down' }>;

const reason = 'shutdown';
/** Exit code of opsd when a service has failed without an exit code of its own. */
const RUNTIME_ERROR = 2;

/** The first request stops all services within `shutdown_timeout`; the second kills them at once. */
export function shutDown(draft: StepDraft, by: string, code = 0): void {
  const { phase } = draft.state;
  if (phase.name === 'shutting_down') {
    // A third request must not set a new deadline, which would make the shutdown longer.
    if (!phase.isKilling) killAll(draft, phase, `shutdown asked for again by ${by}`);
    return;
  }
  const deadline = draft.now + draft.state.shutdownTimeout;
  draft.state = { ...draft.state, phase: { name: 'shutting_down', deadline, isKilling: false, code, by } };
  draft.mapAll((service, context) => {
    const [free, answers] = answerAll(service, { ok: false, code: 'shutting_down', message: 'opsd is shutting down' });
    if (free.state.name === 'starting' || free.state.name === 'running') return [{ ...free, deferred: null }, answers];
    const [moved, effects] = bringDown(free, context, { to: 'stopped', reason, detail: `shutdown by ${by}` });
    return [moved, [...answers, ...effects]];
  });
}

/** Ends opsd and leaves every service running, for the next opsd to adopt. */
export function handOver(draft: StepDraft, by: string): void {
  if (draft.state.phase.name !== 'running') return;
  draft.mapAll((service) =>
    answerAll(service, { ok: false, code: 'gone', message: 'opsd is handing over: ask the next opsd' }),
  );
  draft.state = { ...draft.state, phase: { name: 'over' } };
  draft.effects.push({ type: 'exit', code: 0, why: `handed over by ${by}; the services run on` });
}

/** Acts on the deadline of a shutdown: the first time with SIGKILL to all, the second time opsd exits. */
export function onShutdownDeadline(draft: StepDraft): void {
  const { phase } = draft.state;
  if (phase.name !== 'shutting_down' || phase.deadline > draft.now) return;
  if (!phase.isKilling) return killAll(draft, phase, 'the shutdown took longer than shutdown_timeout');
  const stuck = draft.state.services.filter(({ state }) => isLive(state)).map(({ spec }) => spec.name);
  draft.state = { ...draft.state, phase: { name: 'over' } };
  draft.effects.push({ type: 'exit', code: 2, why: `not known to be gone after SIGKILL: ${stuck.join(', ')}` });
}

/** opsd overslept and may have missed exits: the deadline of the shutdown is put off by as much. */
export function postponeEnd(draft: StepDraft, gap: Millis): void {
  const { phase } = draft.state;
  if (phase.name === 'shutting_down')
    draft.state = { ...draft.state, phase: { ...phase, deadline: phase.deadline + gap } };
}

/** During a shutdown: stops the services whose dependents are gone, and exits when no process lives. */
export function proceedShutdown(draft: StepDraft): void {
  const { phase } = draft.state;
  if (phase.name !== 'shutting_down') return;
  for (const { spec, state } of draft.state.services) {
    if (state.name !== 'starting' && state.name !== 'running') continue;
    if (isNeeded(draft.state, spec.name)) continue;
    const detail = 'opsd is shutting down';
    draft.change(spec.name, (service, context) => bringDown(service, context, { to: 'stopped', reason, detail }));
  }
  if (draft.state.services.some(({ state }) => isLive(state))) return;
  draft.state = { ...draft.state, phase: { name: 'over' } };
  draft.effects.push({ type: 'exit', code: phase.code, why: `every service is stopped (${phase.by})` });
}

/** Shuts opsd down when a service with `on_failed = "shutdown"` has failed, or all have ended (`exit_when`). */
export function considerEnd(draft: StepDraft): void {
  const { phase, services, exitWhen } = draft.state;
  if (phase.name !== 'running' || !draft.hasMoved) return;
  const fatal = services.find((service) => service.spec.policy.onFailed === 'shutdown' && hasFailed(service));
  if (fatal !== undefined) {
    return shutDown(draft, `on_failed of ${fatal.spec.name}`, fatal.lastExit?.code || RUNTIME_ERROR);
  }
  if (exitWhen === 'never' || services.length === 0 || !services.every(hasEnded)) return;
  const isBad = services.some(({ state: { name }, lastFailure }) => {
    return name === 'failed' || name === 'waiting' || lastFailure !== null;
  });
  shutDown(draft, 'exit_when = "all-exited"', isBad ? RUNTIME_ERROR : 0);
}

/** Whether the service has failed and is not restarted, by `max_failures` or by its restart policy. */
function hasFailed({ state, lastFailure }: Service): boolean {
  return state.name === 'failed' || (state.name === 'exited' && lastFailure !== null);
}

/** Whether the service will not come up by itself; one whose dependency cannot come up will not either. */
function hasEnded({ state, spec, desired }: Service): boolean {
  if (state.name === 'waiting') return state.isUnsatisfiable;
  if (state.name === 'exited' || (state.name === 'failed' && state.deadline === null)) return true;
  return state.name === 'stopped' && (desired === 'down' || !spec.policy.enabled);
}

function killAll(draft: StepDraft, phase: ShuttingDown, detail: string): void {
  const deadline: Millis = draft.now + KILL_WAIT;
  draft.state = { ...draft.state, phase: { ...phase, deadline, isKilling: true } };
  draft.mapAll((service, context) => killNow(service, context, reason, detail));
}
