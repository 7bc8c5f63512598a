// The supervisor as a pure function: a state, something that happened, the time; a new state, and what is to be done.

import { configure } from './configure.ts';
import { onCommand, resumeDeferred } from './fleet/commands.ts';
import { restartDependents } from './fleet/dependents.ts';
import { considerEnd, handOver, postponeEnd, proceedShutdown, shutDown, shutdownDue } from './fleet/shutdown.ts';
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

type Step = readonly [State, readonly Effect[]];

/** When `tick` is due next; null: nothing is awaited. */
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

export function step(state: State, event: Event, now: Millis): Step {
  if (state.phase.name === 'over') return late(state, event);
  const world = new StepDraft(state, now);
  take(world, event);
  resumeDeferred(world);
  world.admit();
  world.forgetRemoved();
  restartDependents(world);
  considerEnd(world);
  proceedShutdown(world);
  advanceRollouts(world);
  // A stand-in that is dismissed may be at rest already.
  world.forgetRemoved();
  return [world.state, world.effects];
}

function take(world: StepDraft, event: Event): void {
  switch (event.type) {
    case 'spawned':
    case 'spawn_failed':
    case 'exited':
    case 'tree_exited':
    case 'scan_failed':
    case 'heartbeat_checked':
    case 'ready':
    case 'probed':
    case 'memory_exceeded':
      return world.onGenerationEvent(event);
    case 'order':
      return onCommand(world, event);
    case 'rollout':
      return onRolloutCommand(world, event);
    case 'configured':
      return configure(world, event.config, event.isFirst);
    case 'shutdown':
      return shutDown(world, event.by);
    case 'scheduled':
      return world.change(event.service, runOnTime);
    case 'handover':
      return handOver(world, event.by);
    case 'tick':
      return passTime(world);
    case 'overslept':
      world.mapAll((service) => [postpone(service, event.gap), []]);
      return postponeEnd(world, event.gap);
    default:
      return unreachable(event);
  }
}

function passTime(world: StepDraft): void {
  for (const { spec, state } of world.state.services) {
    if (state.deadline !== null && state.deadline <= world.now) world.change(spec.name, onDeadline);
  }
  shutdownDue(world);
}

/** After the end only answers are owed. */
function late(state: State, event: Event): Step {
  if (event.type !== 'order' && event.type !== 'rollout') return [state, []];
  const outcome: Outcome = { ok: false, code: 'gone', message: 'opsd is about to exit' };
  const { id } = event;
  if (event.type === 'rollout') return [state, [{ type: 'answer', id, service: event.group, outcome }]];
  const answers = event.services.map((service): Effect => ({ type: 'answer', id, service, outcome }));
  return [state, [{ type: 'taken', id, services: event.services }, ...answers]];
}
