// Reports what the core did: one log line for each transition, alerts, counters, outcomes, and the status line of
// systemd.

import { obstacleOf } from '../../core/fleet/ordering.ts';
import { isWanted } from '../../core/life/transition.ts';
import type { AlertReason, Outcome, RolloutNews, Transition } from '../../core/model/effects.ts';
import type { Millis, ServiceSpec } from '../../core/model/spec.ts';
import type { State } from '../../core/model/state.ts';
import { isLiveState } from '../../core/model/states.ts';
import type { JobHistory } from '../../os/files/job-history.ts';
import type { Fields, Log } from '../../os/own-log/logger.ts';
import type { ServiceManager } from '../../os/systemd/service-manager.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { EffectObserver } from '../../runtime/perform.ts';
import type { Answers } from './answers.ts';
import type { Counters } from './counters.ts';
import type { EventHistory } from './event-history.ts';
import { ShutdownProgress } from './shutdown-progress.ts';
import { countStates } from './views.ts';

/**
 * systemd gives up on a unit that is not ready after 90 s: opsd reports that it is ready after this time, even if
 * services still start.
 */
const LONGEST_START: Millis = 60_000;

interface Listeners {
  readonly clock: Clock;
  readonly log: Log;
  readonly chronicle: EventHistory;
  readonly tally: Counters;
  readonly answers: Answers;
  readonly manager: ServiceManager;
  readonly book: JobHistory;
  isJob(service: string): boolean;
  /** The state has changed since it was saved. */
  touch(): void;
  /** Saves the state at once. */
  save(): void;
  /** The service is no longer configured. */
  forget(service: string): void;
  recovered(service: string): void;
  health(service: string, isHealthy: boolean, detail: string): void;
  end(code: number): void;
}

export class Reporter implements EffectObserver {
  readonly #to: Listeners;
  readonly #shutdown: ShutdownProgress;
  #hasMoved = true;
  #hasBegun = false;
  #isReady = false;
  #isStopping = false;
  #begunAt: Millis = 0;
  /** Until opsd is ready: the services that this opsd has started or adopted. */
  readonly #started = new Set<string>();

  constructor(listeners: Listeners) {
    this.#to = listeners;
    this.#shutdown = new ShutdownProgress(listeners.log, listeners.clock);
  }

  transition(transition: Transition): void {
    this.#hasMoved = true;
    if (!this.#isReady && (transition.to === 'starting' || transition.reason === 'adopted'))
      this.#started.add(transition.service);
    this.#to.tally.note(transition, this.#to.clock.now());
    this.#to.chronicle.note(transition);
    if (this.#to.isJob(transition.service)) this.#noteJob(transition);
    this.#to.touch();
    const { service, from, to, generation, pid, reason, detail, exit, failuresInARow } = transition;
    const fields: Record<string, string | number> = { service, from, to, generation };
    if (pid !== null) fields.pid = pid;
    fields.reason = reason;
    const isBad = to === 'backoff' || to === 'failed' || to === 'killing' || isFailedEnd(transition);
    if (isBad || reason === 'leftovers') fields.detail = detail;
    if (isBad && exit?.code !== undefined && exit.code !== null) fields.exit_code = exit.code;
    if (isBad && exit?.signal) fields.signal = exit.signal;
    if (isBad && to !== 'killing') fields.failures = failuresInARow;
    this.#level(transition)('state', fields);
  }

  #noteJob({ service, from, to, reason }: Transition): void {
    if (to === 'starting') this.#to.book.started(service, this.#to.clock.unix());
    else if (isLiveState(from) && !isLiveState(to))
      this.#to.book.ended(service, this.#to.clock.unix(), reason === 'success');
  }

  taken(id: number, services: readonly string[]): void {
    this.#to.answers.take(id, services);
  }

  refused(id: number, code: 'needed', message: string): void {
    this.#to.answers.refuse(id, { ok: false, code, message });
  }

  answer(id: number, service: string, outcome: Outcome): void {
    this.#to.answers.give(id, outcome, service);
  }

  alert(service: string, reason: AlertReason, message: string): void {
    this.#to.tally.alert(service, reason);
    this.#to.log.critical('alert', { service, reason, detail: message });
  }

  skipped(service: string): void {
    this.#to.log.info('a run was skipped: the previous run is still running (overlap = "skip")', { service });
  }

  missed(service: string): void {
    this.#to.log.warn('a time of its schedule was missed; the next one counts (catch_up = true runs it once)', {
      service,
    });
  }

  afterStopFailed(service: string, generation: number, detail: string): void {
    this.#to.log.component('processes').warn(`service ${service}, generation ${generation}: ${detail}`);
  }

  recovered(service: string): void {
    this.#to.recovered(service);
    this.#to.touch();
  }

  rollout(group: string, what: RolloutNews, detail: string): void {
    this.#to.tally.rollout(what);
    if (what === 'stopped' || what === 'turned_back')
      this.#to.log.critical('rollout', { service: group, what, detail });
    else this.#to.log.info('rollout', { service: group, what, detail });
  }

  health(service: string, isHealthy: boolean, detail: string): void {
    if (isHealthy) this.#to.log.info('healthy again', { service, detail });
    else this.#to.log.warn('unhealthy', { service, detail });
    this.#to.health(service, isHealthy, detail);
    this.#to.touch();
  }

  settings(service: string, spec: ServiceSpec | null): void {
    this.#to.touch();
    if (spec !== null) return;
    this.#to.tally.forget(service);
    this.#to.forget(service);
  }

  exit(code: number, why: string): void {
    if (code === 0) this.#to.log.info('opsd ends', { why });
    else this.#to.log.error('opsd ends', { why });
    this.#to.end(code);
  }

  /** The configuration is in force: from now on "all services were started" can be true. */
  begin(state: State): void {
    this.#hasBegun = true;
    this.#begunAt = this.#to.clock.now();
    this.#hasMoved = true;
    this.settled(state);
  }

  /** The core has handled all events so far. */
  settled(state: State): void {
    this.#shutdown.note(state);
    if (state.phase.name === 'shutting_down' && !this.#isStopping) {
      this.#isStopping = true;
      this.#to.manager.stopping();
    }
    if (!this.#hasBegun || (this.#isReady && !this.#hasMoved)) return;
    this.#hasMoved = false;
    const isLate = this.#to.clock.now() - this.#begunAt > LONGEST_START;
    if (!this.#isReady && state.phase.name === 'running' && (isLate || wereAllStarted(state, this.#started))) {
      this.#isReady = true;
      this.#started.clear();
      // Whoever waited for "ready" may kill opsd in the next moment.
      this.#to.save();
      this.#to.manager.ready();
      const waiting = state.queue.length;
      if (waiting === 0) this.#to.log.info('every enabled service was started', { services: state.services.length });
      else this.#to.log.warn('ready, though some services still wait: opsd ctl status', { waiting });
    }
    this.#to.manager.status(countStates(state));
  }

  #level(transition: Transition): (message: string, fields: Fields) => void {
    const { log } = this.#to;
    const { to } = transition;
    if (to === 'failed') return log.error;
    return to === 'backoff' || to === 'killing' || isFailedEnd(transition) ? log.warn : log.info;
  }
}

/** The service failed, and its policy says not to restart it. */
function isFailedEnd({ to, reason }: Transition): boolean {
  return to === 'exited' && reason !== 'success';
}

/** Whether every wanted service was started. A service that waits for one that stays down never will be. */
function wereAllStarted(state: State, started: ReadonlySet<string>): boolean {
  return state.services.every((service) => {
    if (!isWanted(service) || started.has(service.spec.name)) return true;
    if (service.state.name === 'waiting') return obstacleOf(state, service)?.isUnsatisfiable === true;
    return service.state.name !== 'stopped' || service.spec.policy.schedule !== null;
  });
}
