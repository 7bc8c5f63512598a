// The services as they were last sent, and the fields that have changed since.

import type { DaemonView, GroupView, RefusedFilesView, ServiceView, StatusView } from '../../api/services.ts';
import type { Millis } from '../../core/model/spec.ts';

/** The name of a service, and its changed fields. */
export type ServiceChange = Partial<ServiceView> & Pick<ServiceView, 'name'>;

export interface StatusChanges {
  readonly services: readonly ServiceChange[];
  readonly removed: readonly string[];
  /** All groups, if one of them has changed. */
  readonly groups?: readonly GroupView[];
  /** If other files were refused, or none are any more. */
  readonly refused?: RefusedFilesView | null;
}

interface Row {
  readonly service: ServiceView;
  /** When the status was read. */
  readonly at: Millis;
}

/** CPU and memory change all the time; a smaller change is not sent. */
const CPU_STEP = 0.005;
const MEMORY_STEP = 0.01;
/** The age of one heartbeat grows with time; an age that differs by more from that is a new heartbeat. */
const BEAT_STEP_SECONDS = 0.25;

export class StatusFeed {
  readonly #daemon: DaemonView;
  #groups: readonly GroupView[];
  #refused: RefusedFilesView | null;
  #rows: ReadonlyMap<string, Row>;

  constructor(status: StatusView, now: Millis) {
    this.#daemon = status.daemon;
    this.#groups = status.groups;
    this.#refused = status.refused;
    this.#rows = new Map(status.services.map((service) => [service.name, { service, at: now }]));
  }

  /** All services for a new listener, with the ages of heartbeats as of now. */
  all(now: Millis): StatusView {
    const services = [...this.#rows.values()].map(({ service, at }) => {
      const age = service.heartbeat_age_seconds;
      return age === null ? service : { ...service, heartbeat_age_seconds: age + (now - at) / 1000 };
    });
    return { version: 1, daemon: this.#daemon, groups: this.#groups, refused: this.#refused, services };
  }

  /** Takes a new status and returns the changes; null: none worth sending. */
  advance(status: StatusView, now: Millis): StatusChanges | null {
    const services: ServiceChange[] = [];
    const rows = new Map<string, Row>();
    for (const service of status.services) {
      const was = this.#rows.get(service.name);
      const change = was === undefined ? service : changedFields(was, service, now);
      // A field that is not sent keeps the value that was sent, so that small changes add up.
      rows.set(service.name, was !== undefined && change === null ? was : { service, at: now });
      if (change !== null) services.push(change);
    }
    const removed = [...this.#rows.keys()].filter((name) => !rows.has(name));
    this.#rows = rows;
    const { groups, refused } = status;
    const more = {
      ...(isAlike(this.#groups, groups) ? {} : { groups }),
      ...(isAlike(this.#refused, refused) ? {} : { refused }),
    };
    this.#groups = groups;
    this.#refused = refused;
    const hasNews = services.length + removed.length + Object.keys(more).length > 0;
    return hasNews ? { services, removed, ...more } : null;
  }
}

function changedFields(was: Row, is: ServiceView, now: Millis): ServiceChange | null {
  const seconds = (now - was.at) / 1000;
  const fields = Object.entries(is).filter(
    ([key, value]) => !isSame(key, Reflect.get(was.service, key), value, seconds),
  );
  return fields.length === 0 ? null : { ...Object.fromEntries(fields), name: is.name };
}

function isSame(key: string, was: unknown, is: unknown, seconds: number): boolean {
  if (was === is) return true;
  if (typeof was === 'number' && typeof is === 'number') {
    if (key === 'heartbeat_age_seconds') return Math.abs(was + seconds - is) < BEAT_STEP_SECONDS;
    if (key === 'cpu_ratio') return Math.abs(is - was) < CPU_STEP;
    if (key === 'memory_bytes') return Math.abs(is - was) < was * MEMORY_STEP;
  }
  return isAlike(was, is);
}

/** Compares by value: each status has objects of its own. */
function isAlike(was: unknown, is: unknown): boolean {
  return JSON.stringify(was) === JSON.stringify(is);
}
