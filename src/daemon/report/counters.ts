// Counts events in the life of services, from their transitions alone.

import type { AlertReason, RolloutNews, Transition } from '../../core/model/effects.ts';
import type { Millis } from '../../core/model/spec.ts';
import { isLiveState, type Reason } from '../../core/model/states.ts';
import { Durations } from './durations.ts';

type CountsBy<Key extends string> = Partial<Record<Key, number>>;

interface ServiceCounts {
  readonly restarts: Readonly<CountsBy<Reason>>;
  readonly exits: Readonly<CountsBy<Reason>>;
  readonly alerts: Readonly<CountsBy<AlertReason>>;
  readonly kills: number;
}

interface CountedService {
  readonly restarts: CountsBy<Reason>;
  readonly exits: CountsBy<Reason>;
  readonly alerts: CountsBy<AlertReason>;
  kills: number;
  /** Reason of the last end: the reason that the next restart is counted under. */
  cause: Reason;
  startedAt: Millis | null;
  stopAskedAt: Millis | null;
}

const NOTHING: ServiceCounts = { restarts: {}, exits: {}, alerts: {}, kills: 0 };

/** Seconds: from services that are ready at once to those that need minutes to warm up. */
const READY_BOUNDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];
/** Seconds; 30 s is the default stop_timeout. */
const STOP_BOUNDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 60];

export class Counters {
  readonly ready = new Durations(READY_BOUNDS);
  readonly stop = new Durations(STOP_BOUNDS);
  readonly rollouts: CountsBy<RolloutNews> = {};
  readonly #entries = new Map<string, CountedService>();

  /** Called for every transition, in order. `now`: when it happened. */
  note(transition: Transition, now: Millis): void {
    const entry = this.#entry(transition.service);
    const { from, to, reason } = transition;
    const wasLive = isLiveState(from);
    const wasStopping = from === 'stopping' || from === 'killing';
    if (wasLive && (!isLiveState(to) || (wasStopping && to === 'starting'))) {
      add(entry.exits, reason);
      entry.cause = reason;
      if (entry.stopAskedAt !== null) this.stop.observe((now - entry.stopAskedAt) / 1000);
      entry.stopAskedAt = null;
    }
    if (to === 'starting') {
      entry.startedAt = now;
      if (reason === 'backoff' || reason === 'retry') add(entry.restarts, entry.cause);
    }
    if (to === 'running' && from === 'starting' && entry.startedAt !== null) {
      this.ready.observe((now - entry.startedAt) / 1000);
    }
    if (to === 'stopping') entry.stopAskedAt = now;
    if (to === 'killing') {
      entry.kills++;
      entry.stopAskedAt ??= now;
    }
  }

  alert(service: string, reason: AlertReason): void {
    add(this.#entry(service).alerts, reason);
  }

  /** Counts rollouts of all services: how many began, and how they ended. */
  rollout(what: RolloutNews): void {
    add(this.rollouts, what);
  }

  of(service: string): ServiceCounts {
    return this.#entries.get(service) ?? NOTHING;
  }

  /** The service is no longer configured: nothing of it is kept. */
  forget(service: string): void {
    this.#entries.delete(service);
  }

  #entry(service: string): CountedService {
    const known = this.#entries.get(service);
    if (known !== undefined) return known;
    const entry: CountedService = {
      restarts: {},
      exits: {},
      alerts: {},
      kills: 0,
      cause: 'unknown_exit',
      startedAt: null,
      stopAskedAt: null,
    };
    this.#entries.set(service, entry);
    return entry;
  }
}

function add<Key extends string>(counts: CountsBy<Key>, key: Key): void {
  const known: number | undefined = counts[key];
  Object.assign(counts, { [key]: (known ?? 0) + 1 });
}
