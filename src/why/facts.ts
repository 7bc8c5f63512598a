// The facts that the explanation of a service is made from, and conclusions that need several of them.

import type { EventView } from '../api/events.ts';
import type { ServiceView } from '../api/services.ts';
import type { Millis, SignalName } from '../core/model/spec.ts';
import type { Service } from '../core/model/state.ts';
import type { Reason } from '../core/model/states.ts';
import type { Problem } from '../errors.ts';

/** Files that were refused, by a reload or at the start: the configuration in force is not theirs. */
export interface RejectedReload {
  readonly at: Millis;
  readonly problems: readonly Problem[];
}

/** A signal that an operator sent through opsd. */
export interface Signalled {
  readonly signal: SignalName;
  readonly generation: number;
  readonly by: string;
}

/** The facts that an explanation is made from. */
export interface WhyFacts {
  readonly service: Service;
  readonly view: ServiceView;
  /** The transitions of this service, oldest first. */
  readonly events: readonly EventView[];
  readonly lastLines: readonly string[];
  /** The last `opsd ctl signal` to this service; null: there was none. */
  readonly signalled: Signalled | null;
  /** The folder of the heartbeat file, if it does not exist; null: it exists, or the service has no heartbeat. */
  readonly missingFolder: string | null;
  /** Why the heartbeat file cannot be checked now; null: it can. */
  readonly uncheckedHeartbeat: string | null;
  /** null: the files are in force as they were last read. */
  readonly refusal: RejectedReload | null;
  /** The wall clock's time for an instant. */
  wallAt(instant: Millis): Date;
  /** Another service, to look at dependencies. */
  other(name: string): ServiceView | undefined;
}

/** Reasons of a transition that are no failure. */
const HARMLESS = new Set<Reason>([
  'boot',
  'operator',
  'configuration',
  'dependency',
  'schedule',
  'ready',
  'backoff',
  'retry',
  'success',
  'shutdown',
  'removed',
  'adopted',
]);

/** The transition of the failure that explains the present state; null: there is none, or it is over. */
export function lastFailure({ view, events }: WhyFacts): EventView | null {
  const isOver = view.state === 'stopped' || (view.state === 'running' && view.failures_in_a_row === 0);
  const sinceSuccess = events.slice(events.findLastIndex(({ reason }) => reason === 'success') + 1);
  const last = isOver ? undefined : sinceSuccess.findLast(({ reason }) => !HARMLESS.has(reason));
  if (last === undefined) return null;
  if (last.reason !== 'too_many_failures') return last;
  // Giving up is not the cause: its detail quotes the last failure, which is.
  const before = sinceSuccess.findLast(({ reason }) => !HARMLESS.has(reason) && reason !== 'too_many_failures');
  const detail = last.detail.split('the last: ').at(-1) ?? last.detail;
  return { ...last, detail, reason: before?.reason ?? 'exit_code' };
}

/** The transition to SIGKILL after a stop signal that the service ignored; undefined: there was none in this run. */
export function ignoredStopSignal({ events }: WhyFacts): EventView | undefined {
  const started = events.findLastIndex(({ to }) => to === 'starting');
  const found = events.findLastIndex(({ to, reason }) => to === 'killing' && reason === 'stop_timeout');
  return found > started ? events[found] : undefined;
}

/** The missing folder that prevents the first heartbeat; null: the folder exists, or a heartbeat was seen. */
export function missingHeartbeatFolder({ view, missingFolder }: WhyFacts, failure: EventView | null): string | null {
  const isSilent =
    view.pid === null
      ? failure?.reason === 'heartbeat_lost' || failure?.reason === 'readiness_timeout'
      : view.heartbeat_age_seconds === null;
  return isSilent ? missingFolder : null;
}

/** Dependencies that have failed since the service started. */
export function lostDependencies({ service, other }: WhyFacts): readonly ServiceView[] {
  return service.spec.policy.dependsOn
    .map((dependency) => other(dependency.service))
    .filter((each) => each?.state === 'failed' || each?.state === 'backoff')
    .filter((each) => each !== undefined);
}

/** Whether the service failed for what this host lacks. */
export function lacksHost({ state, lastReason }: Service): boolean {
  return state.name === 'failed' && lastReason === 'host_problem';
}

/** Why a running service keeps its old form: the new one cannot start on this host. null: there is no new one, or it can. */
export function whyOldForm({ state, nextSpec, deferred }: Service): string | null {
  return state.name === 'running' && deferred === null ? (nextSpec?.hindrance ?? null) : null;
}
