// A step in progress: the state and the effects so far. A draft never leaves `step`.

import { draw } from '../life/backoff.ts';
import { start } from '../life/lifecycle.ts';
import { type GenerationEvent, onEvent } from '../life/machine.ts';
import { answerArrived } from '../life/pending-commands.ts';
import { moveOn, mustMoveOn } from '../life/run-end.ts';
import { isLive, type Moved, type StepContext } from '../life/transition.ts';
import type { Effect } from '../model/effects.ts';
import type { Millis } from '../model/spec.ts';
import type { Run, Service, State } from '../model/state.ts';
import { countStarting, countUnhealthyRestarts, obstacleOf, serviceOf } from './ordering.ts';

export class StepDraft {
  state: State;
  readonly effects: Effect[] = [];
  readonly now: Millis;
  /** Something other than a transition happened that may let a waiting service start. */
  mayAdmit = false;

  constructor(state: State, now: Millis) {
    this.state = state;
    this.now = now;
  }

  /** The context of one change; each call draws the next random number. */
  context(): StepContext {
    const { seed, random } = draw(this.state.seed);
    this.state = { ...this.state, seed };
    const { phase } = this.state;
    return {
      now: this.now,
      random,
      obstacle: (service) => obstacleOf(this.state, service),
      mayRestartUnhealthy: () => countUnhealthyRestarts(this.state) < this.state.startConcurrency,
      closingAt: phase.name === 'shutting_down' ? phase.deadline : null,
    };
  }

  /** Applies a change to one service, answers the commands that are done by it, and moves on from states that end at once. */
  change(name: string, how: (service: Service, context: StepContext) => Moved): void {
    const before = serviceOf(this.state, name);
    if (before === undefined) return;
    this.#apply(name, before, how(before, this.context()));
    const arrived = serviceOf(this.state, name);
    if (arrived === undefined || arrived === before) return;
    this.#apply(name, arrived, answerArrived(arrived));
    if (arrived.state.name !== before.state.name && mustMoveOn(arrived, this.now)) this.change(name, moveOn);
  }

  #apply(name: string, before: Service, [after, effects]: Moved): void {
    const slot = this.state.slots.get(name);
    if (slot !== undefined && after !== before) {
      const { queue } = this.state;
      const waits = after.state.name === 'waiting';
      const queued = before.state.name === 'waiting';
      this.state = {
        ...this.state,
        services: this.state.services.with(slot, after),
        queue: waits === queued ? queue : waits ? [...queue, name] : queue.filter((other) => other !== name),
      };
    }
    this.effects.push(...effects);
  }

  mapAll(how: (service: Service, context: StepContext) => Moved): void {
    for (const { spec } of this.state.services) this.change(spec.name, how);
  }

  onGenerationEvent(event: GenerationEvent): void {
    this.change(event.service, (service, context) => {
      const { state } = service;
      // Events of an old generation are ignored.
      if (!('run' in state) || state.run.generation !== event.generation) return [service, []];
      if (isOfAnotherStep(event, state.run)) return [service, []];
      // Dependents that wait for `started` may start now, although there was no transition.
      this.mayAdmit ||= event.type === 'spawned';
      return onEvent(service, event, context);
    });
  }

  /** Whether there was a transition in this step. */
  get hasMoved(): boolean {
    return this.effects.some(({ type }) => type === 'transition');
  }

  /** Starts the waiting services that may start now. Without a transition in this step the answer is the same as before. */
  admit(): void {
    if (!this.mayAdmit && !this.hasMoved) return;
    if (this.state.queue.length === 0 || this.state.phase.name !== 'running') return;
    let free = this.state.startConcurrency - countStarting(this.state);
    // If a dependency cannot come up, neither can its dependents, also those before it in the queue: repeat until stable.
    for (let isSpreading = true; isSpreading; ) {
      isSpreading = false;
      for (const name of this.state.queue) {
        if (free <= 0) return;
        const waiter = serviceOf(this.state, name);
        if (waiter?.state.name !== 'waiting') continue;
        const obstacle = obstacleOf(this.state, waiter);
        if (waiter.state.for === obstacle?.text && waiter.state.isUnsatisfiable === obstacle.isUnsatisfiable) continue;
        this.change(name, (service, context) => start(service, context, service.lastReason, 'dependencies ready'));
        if (serviceOf(this.state, name)?.state.name === 'starting') free -= 1;
        isSpreading ||= obstacle?.isUnsatisfiable === true && !waiter.state.isUnsatisfiable;
      }
    }
  }

  add(service: Service): void {
    const slots = new Map(this.state.slots).set(service.spec.name, this.state.services.length);
    this.state = { ...this.state, services: [...this.state.services, service], slots };
  }

  /** Forgets the services that are no longer configured and have no processes. */
  forgetRemoved(): void {
    const { services } = this.state;
    if (!services.some(isForgettable)) return;
    const kept = services.filter((service) => !isForgettable(service));
    let { generationFloor } = this.state;
    for (const { spec, generation } of services.filter(isForgettable)) {
      this.effects.push({ type: 'settings', service: spec.name, spec: null });
      generationFloor = Math.max(generationFloor, generation);
    }
    this.state = {
      ...this.state,
      generationFloor,
      services: kept,
      slots: new Map(kept.map(({ spec }, slot) => [spec.name, slot])),
    };
  }
}

/** Whether the event is about another process tree of the generation than the one that lives. */
function isOfAnotherStep(event: GenerationEvent, { step }: Run): boolean {
  switch (event.type) {
    case 'spawned':
    case 'spawn_failed':
    case 'exited':
    case 'tree_exited':
    case 'scan_failed':
      return (event.step ?? 'main') !== step;
    default:
      return false;
  }
}

function isForgettable(service: Service): boolean {
  return service.isRemoved && !isLive(service.state);
}
