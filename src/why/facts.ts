// What an explanation of a service rests on, and what these facts mean taken together.

import type { EventView } from '../api/events.ts';
import type { ServiceView } from '../api/services.ts';
import type { Millis, SignalName } from '../core/model/spec.ts';
import type { Service } from '../core/model/state.ts';
import type { Reason } from '../core/model/states.ts';
import type { Problem } from '../errors.ts';

/** A reload that was refused: what runs is not what the files say. */
export interface Refusal {
  readonly at: Millis;
  readonly problems: readonly Problem[];
}

/** A signal that an operator had opsd send. */
export interface Signalled {
  readonly signal: SignalName;
  readonly generation: number;
  readonly by: string;
}

/** All that an explanation rests on. */
export interface WhyFacts {
  readonly service: Service;
  readonly view: ServiceView;
  /** Of this service, the oldest first. */
  readonly events: readonly EventView[];
  readonly lastLines: readonly string[];
  /** The last `opsd ctl signal`; null: there was none. */
  readonly signalled: Signalled | null;
  /** Where the heartbeat file is to be, and that does not exist; null: it does, or there is no heartbeat. */
  readonly missingFolder: string | null;
  /** null: the last reload was applied. */
  readonly refusal: Refusal | null;
  /** Other services, for what it depends on. */
  other(name: string): ServiceView | undefined;
}

/** Ends that are nobody's fault. */
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

/** The change of state that tells of the failure that still counts; null: there is none, or it is over. */
export function lastFailure({ view, events }: WhyFacts): EventView | null {
  const isOver = view.state === 'stopped' || (view.state === 'running' && view.failures_in_a_row === 0);
  const sinceSuccess = events.slice(events.findLastIndex(({ reason }) => reason === 'success') + 1);
  const last = isOver ? undefined : sinceSuccess.findLast(({ reason }) => !HARMLESS.has(reason));
  if (last === undefined) return null;
  if (last.reason !== 'too_many_failures') return last;
  // Giving up is no cause: it quotes the failure that was one too many.
  const before = sinceSuccess.findLast(({ reason }) => !HARMLESS.has(reason) && reason !== 'too_many_failures');
  const detail = last.detail.split('the last: ').at(-1) ?? last.detail;
  return { ...last, detail, reason: before?.reason ?? 'exit_code' };
}

/** The change of state that tells that the last stop signal was not obeyed; undefined: it was, or none was sent. */
export function disobedience({ events }: WhyFacts): EventView | undefined {
  const started = events.findLastIndex(({ to }) => to === 'starting');
  const found = events.findLastIndex(({ to, reason }) => to === 'killing' && reason === 'stop_timeout');
  return found > started ? events[found] : undefined;
}

/** The folder that it would need for a beat, none of which was seen; null: it has one, or it is not for want of beats. */
export function folderForBeats({ view, missingFolder }: WhyFacts, failure: EventView | null): string | null {
  const isSilent =
    view.pid === null
      ? failure?.reason === 'heartbeat_lost' || failure?.reason === 'readiness_timeout'
      : view.heartbeat_age_seconds === null;
  return isSilent ? missingFolder : null;
}

/** What it was started with has failed since. */
export function lostDependencies({ service, other }: WhyFacts): readonly ServiceView[] {
  return service.spec.policy.dependsOn
    .map((dependency) => other(dependency.service))
    .filter((each) => each?.state === 'failed' || each?.state === 'backoff')
    .filter((each) => each !== undefined);
}
