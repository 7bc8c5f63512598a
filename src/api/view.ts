// What the daemon tells and what it can be asked for: the words between it, HTTP, ctl and the status page.

import type { Change, DaemonChange } from '../core/model/changes.ts';
import type { AlertReason, Outcome, RolloutNews } from '../core/model/effects.ts';
import type { SignalName } from '../core/model/spec.ts';
import type { OrderAction } from '../core/model/state.ts';
import type { Reason, StateName } from '../core/model/states.ts';
import type { RolloutNote, Turn } from '../core/rollout/note.ts';
import type { Problem } from '../errors.ts';

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
  /** `limits.memory`, and who sees to it: the kernel, or opsd by a restart. null: there is none. */
  /** What its health probe says; null: it has none, or nothing was said yet. */
  readonly healthy: boolean | null;
  /** The last answer of its probe that was no yes. */
  readonly last_probe_failure: string | null;
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

/** One change of state. */
export interface EventView {
  /** 1, 2, 3 … in the life of one daemon. */
  readonly id: number;
  readonly at: string;
  readonly service: string;
  readonly from: StateName;
  readonly to: StateName;
  readonly generation: number;
  readonly pid: number | null;
  readonly reason: Reason;
  /** One sentence for people. */
  readonly detail: string;
  readonly exit: ExitView | null;
  readonly failures_in_a_row: number;
  readonly next_attempt_at: string | null;
}

/** The answer to "why is it as it is": `ctl why` and the service's place on the status page. */
export interface WhyView {
  readonly version: 1;
  readonly service: string;
  readonly state: StateName;
  readonly since: string;
  /** One sentence with the cause. */
  readonly summary: string;
  /** What the summary rests on, the strongest first. */
  readonly evidence: readonly { readonly label: string; readonly text: string }[];
  /** What the service wrote last, as it wrote it: sanitise before showing it. */
  readonly last_lines: readonly string[];
  /** What opsd does next; "nothing" is said too. */
  readonly next: string;
  readonly next_at: string | null;
  /** Commands that would help, the best first; empty: all is well. */
  readonly commands: readonly string[];
}

export type ReloadResult =
  | { readonly ok: true; readonly changes: readonly Change[]; readonly daemon: readonly DaemonChange[] }
  | {
      readonly ok: false;
      readonly code: 'bad_configuration' | 'shutting_down';
      readonly message: string;
      readonly problems: readonly Problem[];
    };

/** What became of `opsd ctl scale`. `code`: of an HTTP error. */
export type ScaleResult =
  | {
      readonly ok: true;
      readonly group: GroupView;
      /** How many there were to be. */
      readonly before: number;
      /** Names of instances. */
      readonly added: readonly string[];
      readonly removed: readonly string[];
    }
  | {
      readonly ok: false;
      readonly code:
        | 'unknown_service'
        | 'bad_request'
        | 'bad_configuration'
        | 'not_as_configured'
        | 'not_saved'
        | 'shutting_down';
      readonly message: string;
      /** Of the configuration with that number of instances. */
      readonly problems?: readonly Problem[];
    };

/** The last rollout of a service: its instances, or it alone, are replaced one after the other. */
export interface RolloutView {
  readonly service: string;
  readonly kind: 'restart' | 'configuration';
  /** `back`: to what was before. */
  readonly direction: 'forward' | 'back';
  readonly state: 'going' | 'stopped' | 'done';
  /** What it waits for, or how it ended. */
  readonly detail: string;
  /** Why it stopped, or turned back. */
  readonly failure: string | null;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly services: readonly { readonly name: string; readonly turn: Turn; readonly state: StateName }[];
}

/** `undo`: back to what was before. `retry`: forward again after that. */
export type RolloutAction = 'restart' | 'undo' | 'retry';

/** Durations in seconds, counted into buckets. `counts[i]`: how many were at most `bounds[i]`, cumulative. */
export interface HistogramView {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** The figures of one service. Counters count since the daemon started; null: does not apply now. */
export interface ServiceMetrics {
  readonly name: string;
  readonly state: StateName;
  readonly restarts: Readonly<Partial<Record<Reason, number>>>;
  readonly exits: Readonly<Partial<Record<Reason, number>>>;
  readonly alerts: Readonly<Partial<Record<AlertReason, number>>>;
  /** Times SIGKILL was needed. */
  readonly kills: number;
  /** Unix time in seconds. */
  readonly started_at_seconds: number | null;
  /** 128 + number for a death by signal, as shells do. */
  readonly last_exit_code: number | null;
  readonly failures_in_a_row: number;
  readonly heartbeat_age_seconds: number | null;
  /** What the age may not reach; null: the service has no heartbeat. */
  readonly heartbeat_timeout_seconds: number | null;
  readonly cpu_ratio: number | null;
  readonly cpu_seconds: number;
  readonly memory_bytes: number | null;
  /** limits.memory; null: it has none. */
  readonly memory_limit_bytes: number | null;
  /** What the health probe says; null: there is none, or it has not said enough yet. */
  readonly healthy: boolean | null;
  /** null: nothing is asked. */
  readonly probe_failures_in_a_row: number | null;
  readonly log_bytes: number;
  /** Bytes of output that could not be written (disk full, no permission). */
  readonly log_dropped_bytes: number;
  /** Unix time in seconds; null: it is no job, or never succeeded. */
  readonly job_last_success_seconds: number | null;
  readonly job_last_duration_seconds: number | null;
  /** Of the last run that has ended. */
  readonly job_last_run_successful: boolean | null;
}

/** What became of the events that hooks were to be told. */
export interface EventHooksView {
  readonly sent: number;
  /** Given up, after all attempts. */
  readonly failed: number;
  /** Never tried. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** Everything `/metrics` is filled from. */
export interface MetricsView {
  readonly version: string;
  readonly event_loop_lag_seconds: number;
  readonly config_last_reload_successful: boolean;
  /** Unix time in seconds of the configuration that is in force. */
  readonly config_loaded_at_seconds: number;
  /** Rollouts by how they went. */
  readonly rollouts: Readonly<Partial<Record<RolloutNews, number>>>;
  readonly reloads: { readonly applied: number; readonly refused: number };
  /** What was found of an earlier daemon at the start. */
  readonly adoption: { readonly adopted: number; readonly stopped: number };
  readonly event_hooks: EventHooksView;
  /** Dead processes that nobody fetches; null: opsd is not PID 1, and somebody else does. */
  readonly zombies: number | null;
  readonly services: readonly ServiceMetrics[];
  /** From the spawn to readiness, of all services. */
  readonly ready_seconds: HistogramView;
  /** From the stop signal to the empty tree, of all services. */
  readonly stop_seconds: HistogramView;
}

/** What the daemon offers to HTTP. */
export interface Control {
  status(): StatusView;
  /** One order to one service; resolves when it came to rest. Never rejects. */
  order(action: Exclude<OrderAction, 'signal'>, service: string, by: string): Promise<Outcome>;
  rollouts(): readonly RolloutView[];
  /** Of one service; `services`: which of its instances. Resolves when the rollout is over. Never rejects. */
  rollout(action: RolloutAction, group: string, services: readonly string[], by: string): Promise<Outcome>;
  /** Who needs whom. */
  graph(): readonly NodeView[];
  signal(service: string, signal: SignalName, by: string): Promise<Outcome>;
  reload(options: { readonly dryRun: boolean; readonly allowEmpty: boolean }, by: string): Promise<ReloadResult>;
  /** Another number of instances; null: that of the file. It is kept, and in force, when it is answered. */
  scale(service: string, instances: number | null, by: string): ScaleResult;
  handover(by: string): void;
  shutdown(by: string): void;
  /** null: no such service. `showsOutput`: with lines that it wrote. */
  why(service: string, showsOutput: boolean): WhyView | null;
  /** Tells of changes of state as they happen until disposed. */
  events(listener: (event: EventView) => void): Disposable;
  /** The last 1,000, oldest first. */
  recentEvents(): readonly EventView[];
  /** Absolute; null: its output goes elsewhere (`log.mode`). */
  logFile(service: string): string | null;
  lastLines(service: string): readonly string[];
  live(): { readonly ok: boolean; readonly lagSeconds: number };
  /** `waiting`: names of the enabled services that are not up. */
  ready(): { readonly ok: boolean; readonly waiting: readonly string[] };
  metrics(): MetricsView;
}
