// The supervisor as a pure function: from state, event and time to the next state and the effects.

import { configure } from './configure.ts';
import { onCommand, resumeDeferred } from './fleet/commands.ts';
import { restartDependents } from './fleet/dependents.ts';
import { onHostReady } from './fleet/host.ts';
import { onHungOpsd } from './fleet/hung-opsd.ts';
import { considerEnd, handOver, onShutdownDeadline, postponeEnd, proceedShutdown, shutDown } from './fleet/shutdown.ts';
import { StepDraft } from './fleet/step.ts';
import { runOnTime } from './life/jobs.ts';
import { onDeadline } from './life/machine.ts';
import { postpone } from './life/postpone.ts';
import { unreachable } from './life/transition.ts';
import type { Effect, Outcome } from './model/effects.ts';
import type { Event } from './model/events.ts';
import type { Millis } from './model/spec.ts';
import type { State } from './model/state.ts';
import { onRolloutCommand } from './rollout/commands.ts';
import { advanceRollouts } from './rollout/rollout.ts';

type StepResult = readonly [State, readonly Effect[]];

/** When the event `tick` is due: the earliest deadline; null: there is none. */
export function nextDeadline(state: State): Millis | null {
  let earliest = state.phase.name === 'shutting_down' ? state.phase.deadline : Number.POSITIVE_INFINITY;
  for (const { state: service } of state.services) {
    if (service.deadline !== null && service.deadline < earliest) earliest = service.deadline;
  }
  for (const { deadline } of state.rollouts.values()) {
    if (deadline !== null && deadline < earliest) earliest = deadline;
  }
  return earliest === Number.POSITIVE_INFINITY ? null : earliest;
}

/** `now`: monotonic, and never less than in the step before. */
export function step(state: State, event: Event, now: Millis): StepResult {
  if (state.phase.name === 'over') return late(state, event);
  const draft = new StepDraft(state, now);
  take(draft, event);
  resumeDeferred(draft);
  draft.admit();
  draft.forgetRemoved();
  restartDependents(draft);
  considerEnd(draft);
  proceedShutdown(draft);
  advanceRollouts(draft);
  // A surge instance that is no longer needed may be at rest already.
  draft.forgetRemoved();
  return [draft.state, draft.effects];
}

function take(draft: StepDraft, event: Event): void {
  switch (event.type) {
    case 'spawned':
    case 'spawn_failed':
    case 'exited':
    case 'tree_exited':
    case 'scan_failed':
    case 'heartbeat_checked':
    case 'ready':
    case 'wrote':
    case 'probed':
    case 'memory_exceeded':
      return draft.onGenerationEvent(event);
    case 'hung_opsd':
      return draft.change(event.service, (service, context) => onHungOpsd(service, context, event.detail));
    case 'order':
      return onCommand(draft, event);
    case 'rollout':
      return onRolloutCommand(draft, event);
    case 'configured':
      return configure(draft, event.config, event.isFirst);
    case 'shutdown':
      return shutDown(draft, event.by);
    case 'scheduled':
      return draft.change(event.service, (service, context) => runOnTime(service, event.isMissed, context));
    case 'host_ready':
      return draft.change(event.service, onHostReady);
    case 'handover':
      return handOver(draft, event.by);
    case 'tick':
      return passTime(draft);
    case 'overslept':
      draft.mapAll((service) => [postpone(service, event.gap), []]);
      return postponeEnd(draft, event.gap);
    default:
      return unreachable(event);
  }
}

function passTime(draft: StepDraft): void {
  for (const { spec, state } of draft.state.services) {
    if (state.deadline !== null && state.deadline <= draft.now) draft.change(spec.name, onDeadline);
  }
  onShutdownDeadline(draft);
}

/** In the phase `over` commands are answered, and every other event is ignored. */
function late(state: State, event: Event): StepResult {
  if (event.type !== 'order' && event.type !== 'rollout') return [state, []];
  const outcome: Outcome = { ok: false, code: 'gone', message: 'opsd is about to exit' };
  const { id } = event;
  if (event.type === 'rollout') return [state, [{ type: 'answer', id, service: event.group, outcome }]];
  const answers = event.services.map((service): Effect => ({ type: 'answer', id, service, outcome }));
  return [state, [{ type: 'taken', id, services: event.services }, ...answers]];
}
