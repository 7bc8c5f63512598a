// The figures that `/metrics` is filled from.

import type { AlertReason, RolloutNews } from '../core/model/effects.ts';
import type { Reason, StateName } from '../core/model/states.ts';

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
  /** 128 + n for a process killed by signal n, as shells do. */
  readonly last_exit_code: number | null;
  readonly failures_in_a_row: number;
  readonly heartbeat_age_seconds: number | null;
  /** A heartbeat older than this is lost; null: the service has no heartbeat. */
  readonly heartbeat_timeout_seconds: number | null;
  readonly cpu_ratio: number | null;
  readonly cpu_seconds: number;
  readonly memory_bytes: number | null;
  /** limits.memory; null: the service has no such limit. */
  readonly memory_limit_bytes: number | null;
  /** The result of the health probe; null: the service has none, or its first result is not known yet. */
  readonly healthy: boolean | null;
  /** null: no health probe is running. */
  readonly probe_failures_in_a_row: number | null;
  readonly log_bytes: number;
  /** Bytes of output that could not be written (disk full, no permission). */
  readonly log_dropped_bytes: number;
  /** Unix time in seconds; null: the service is no job, or no run has succeeded. */
  readonly job_last_success_seconds: number | null;
  readonly job_last_duration_seconds: number | null;
  /** The result of the last run that has ended. */
  readonly job_last_run_successful: boolean | null;
}

/** Counts of the events for event hooks. */
export interface EventHooksView {
  readonly sent: number;
  /** Failed after all attempts. */
  readonly failed: number;
  /** Never attempted, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** Everything `/metrics` is filled from. */
export interface MetricsView {
  readonly version: string;
  readonly event_loop_lag_seconds: number;
  readonly config_last_reload_successful: boolean;
  /** Unix time in seconds of the configuration that is in force. */
  readonly config_loaded_at_seconds: number;
  /** Rollouts by stage and result. */
  readonly rollouts: Readonly<Partial<Record<RolloutNews, number>>>;
  readonly reloads: { readonly applied: number; readonly refused: number };
  /** Processes of an earlier opsd that were found at the start. */
  readonly adoption: { readonly adopted: number; readonly stopped: number };
  readonly event_hooks: EventHooksView;
  /** Unix time in seconds at which the certificate of TCP ends; null: none is in use. */
  readonly tls_certificate_expiry_seconds: number | null;
  /** Zombies that wait to be reaped; null: opsd is not PID 1, so they are not its children. */
  readonly zombies: number | null;
  readonly services: readonly ServiceMetrics[];
  /** Time from the spawn to readiness, of all services. */
  readonly ready_seconds: HistogramView;
  /** Time from the stop signal to the empty process tree, of all services. */
  readonly stop_seconds: HistogramView;
}
