// The services as `ctl status --json` and the API give them, and what needs what.

import type { StateName } from '../core/model/states.ts';
import type { RolloutNote } from '../core/rollout/note.ts';

/** How a process ended. Both null: it was adopted, nobody can know. */
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
  /** Of the last generation that ended; null: none has. */
  readonly exit: ExitView | null;
  /** One sentence for people. */
  readonly reason: string;
  readonly next_attempt_at: string | null;
  readonly heartbeat_age_seconds: number | null;
  /** 1: one core busy. */
  readonly cpu_ratio: number | null;
  readonly memory_bytes: number | null;
  readonly adopted: boolean;
  readonly tags: readonly string[];
  /** What its health probe says; null: it has none, or nothing was said yet. */
  readonly healthy: boolean | null;
  /** The last answer of its probe that was no yes. */
  readonly last_probe_failure: string | null;
  /** `limits.memory`, and who sees to it: the kernel, or opsd by a restart. null: there is none. */
  readonly memory_limit: { readonly bytes: number; readonly held_by: 'cgroup' | 'restart' } | null;
  /** Of a job: how it last ran. null: it is no job, or never ran. */
  readonly last_run: RunView | null;
  /** What a rollout that is not over means to it. */
  readonly rollout: RolloutNote | null;
}

export interface RunView {
  readonly started_at: string;
  /** null: it still runs. */
  readonly ended_at: string | null;
  /** Until now, where it still runs. */
  readonly duration_seconds: number;
  readonly result: 'running' | 'success' | 'failure';
}

/** A service among those it needs. */
export interface NodeView {
  readonly name: string;
  readonly state: StateName;
  readonly depends_on: readonly { readonly service: string; readonly until: 'ready' | 'started' | 'completed' }[];
  /** Services that start before it, without need. */
  readonly after: readonly string[];
}

export interface GraphView {
  readonly version: 1;
  readonly services: readonly NodeView[];
  /** Names of those that no other comes after. */
  readonly roots: readonly string[];
}

export interface DaemonView {
  readonly pid: number;
  readonly version: string;
  readonly started_at: string;
}

/** A service with instances. */
export interface GroupView {
  readonly name: string;
  /** How many there are to be. */
  readonly instances: number;
  /** What the file says; another number than that: `opsd ctl scale` was used. */
  readonly configured: number;
}

export interface StatusView {
  readonly version: 1;
  readonly daemon: DaemonView;
  readonly groups: readonly GroupView[];
  /** In the order of the configuration. */
  readonly services: readonly ServiceView[];
}
