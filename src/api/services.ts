// The services and their dependencies as `ctl status --json`, `ctl graph --json` and the API give them.

import type { StateName } from '../core/model/states.ts';
import type { RolloutNote } from '../core/rollout/note.ts';

/** How a main process ended. Both null: it was adopted, and the kernel reports an exit to the parent only. */
export interface ExitView {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One service as `ctl status --json` and the API give it: stable. Times are ISO 8601; null: does not apply. */
export interface ServiceView {
  readonly name: string;
  readonly state: StateName;
  readonly pid: number | null;
  readonly generation: number;
  readonly restarts: number;
  readonly failures_in_a_row: number;
  readonly since: string;
  readonly started_at: string | null;
  /** The end of the last generation; null: none has ended. */
  readonly exit: ExitView | null;
  /** One sentence for people. */
  readonly reason: string;
  readonly next_attempt_at: string | null;
  readonly heartbeat_age_seconds: number | null;
  /** 1: one core busy. */
  readonly cpu_ratio: number | null;
  readonly memory_bytes: number | null;
  readonly adopted: boolean;
  /** When a service that runs after a failure counts as stable (stable_after). */
  readonly unstable_until: string | null;
  /** It ended with success, and its policy leaves it there. */
  readonly completed: boolean;
  readonly tags: readonly string[];
  /** The result of the health probe; null: the service has none, or its first result is not known yet. */
  readonly healthy: boolean | null;
  /** The last failure of the health probe. */
  readonly last_probe_failure: string | null;
  /** `limits.memory`, and what enforces it: the kernel (cgroup), or opsd by a restart. null: no limit. */
  readonly memory_limit: { readonly bytes: number; readonly held_by: 'cgroup' | 'restart' } | null;
  /** The last run of a job; null: the service is no job, or has never run. */
  readonly last_run: RunView | null;
  /** The service's part in a rollout that is not over; null: it has none. */
  readonly rollout: RolloutNote | null;
  /** When it counts as stable (ready for `stable_after`), which may be past; null: it is not ready. */
  readonly stable_at: string | null;
}

export interface RunView {
  readonly started_at: string;
  /** null: the run is in progress. */
  readonly ended_at: string | null;
  /** Up to now while the run is in progress. */
  readonly duration_seconds: number;
  readonly result: 'running' | 'success' | 'failure';
}

/** A service with its dependencies. */
export interface NodeView {
  readonly name: string;
  readonly state: StateName;
  readonly depends_on: readonly { readonly service: string; readonly until: 'ready' | 'started' | 'completed' }[];
  /** Services that start before this one, though it does not depend on them. */
  readonly after: readonly string[];
}

export interface GraphView {
  readonly version: 1;
  readonly services: readonly NodeView[];
  /** Names of the services that no other service depends on. */
  readonly roots: readonly string[];
}

export interface DaemonView {
  readonly pid: number;
  readonly version: string;
  readonly started_at: string;
  /** Name of the host. */
  readonly host: string;
  /** How far the local time of the host is ahead of UTC now. */
  readonly utc_offset_minutes: number;
}

/** A service with instances. */
export interface GroupView {
  readonly name: string;
  /** The number of instances in force. */
  readonly instances: number;
  /** The number in the file; it differs from `instances` after `opsd ctl scale`. */
  readonly configured: number;
}

/** Files that were refused when they were last read: an earlier configuration is in force. */
export interface RefusedFilesView {
  readonly at: string;
  /** One line each; only the first few of many. */
  readonly problems: readonly string[];
  /** The number of all problems. */
  readonly count: number;
}

export interface StatusView {
  readonly version: 1;
  readonly daemon: DaemonView;
  readonly groups: readonly GroupView[];
  /** null: the files are in force as they were last read. */
  readonly refused: RefusedFilesView | null;
  /** In the order of the configuration. */
  readonly services: readonly ServiceView[];
}
