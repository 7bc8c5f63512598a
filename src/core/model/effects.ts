// What the core wants done and reported, in order. Each change of a service's state is one effect, `transition`.

import type { Millis, Probe, ServiceSpec, SignalName } from './spec.ts';
import type { Exit } from './state.ts';
import type { Reason, StateName, Step } from './states.ts';

export interface Transition {
  readonly type: 'transition';
  readonly service: string;
  readonly from: StateName;
  readonly to: StateName;
  readonly generation: number;
  readonly pid: number | null;
  readonly reason: Reason;
  readonly detail: string;
  readonly exit: Exit | null;
  readonly failuresInARow: number;
  /** Monotonic: when backoff or `retry_failed` is over; null: no start is planned. */
  readonly nextAttemptAt: Millis | null;
}

export type Outcome =
  | { readonly ok: true; readonly message: string }
  | {
      readonly ok: false;
      /** `no_job`: `run` waits for a service to complete, and one with restart = "always" never does. */
      readonly code: 'failed' | 'superseded' | 'shutting_down' | 'unknown_service' | 'not_running' | 'no_job' | 'gone';
      readonly message: string;
    };

export type RolloutNews = 'begun' | 'turned_back' | 'undone' | 'done' | 'rolled_back' | 'stopped' | 'interrupted';

export type AlertReason = 'too_many_failures' | 'unkillable' | 'permanent' | 'host_problem';

export type Effect =
  | Transition
  | {
      readonly type: 'spawn';
      readonly service: string;
      readonly generation: number;
      readonly step: Step;
      readonly spec: ServiceSpec;
    }
  /** `main`: the main process, then SIGCONT. `tree`: what is left of the process group, then SIGCONT. */
  | {
      readonly type: 'signal';
      readonly service: string;
      readonly generation: number;
      readonly step: Step;
      readonly signal: SignalName;
      readonly to: 'main' | 'tree';
    }
  /** SIGKILL to all of the tree, again and again until it is empty. */
  | { readonly type: 'kill'; readonly service: string; readonly generation: number; readonly step: Step }
  /** The `after_stop` of a generation failed. This is reported and changes nothing else. */
  | {
      readonly type: 'after_stop_failed';
      readonly service: string;
      readonly generation: number;
      readonly detail: string;
    }
  | { readonly type: 'write_pid'; readonly service: string; readonly pid: number }
  | { readonly type: 'remove_pid'; readonly service: string }
  /** Stat the heartbeat file; the answer is the event `heartbeat_checked`. */
  | { readonly type: 'check_heartbeat'; readonly service: string; readonly generation: number; readonly file: string }
  /** Run the probe; the answer is the event `probed`, after `timeout` at the latest. One probe of a service at a time. */
  | {
      readonly type: 'probe';
      readonly service: string;
      readonly generation: number;
      readonly probe: Probe;
      readonly timeout: Millis;
    }
  /** The schedule of a job was due while the job still ran, and `overlap` is "skip". */
  | { readonly type: 'skipped'; readonly service: string }
  /** A time of the schedule was passed by, and `catch_up` is off: the next one counts. */
  | { readonly type: 'missed'; readonly service: string }
  /** The service has been ready for `stable_after`, for the first time after `backoff` or `failed`. */
  | { readonly type: 'recovered'; readonly service: string; readonly generation: number }
  /** The service became unhealthy, or healthy again. */
  | { readonly type: 'health'; readonly service: string; readonly isHealthy: boolean; readonly detail: string }
  /** From now on the ports use the settings of this spec for the service (output, for example); null: the service is forgotten. */
  | { readonly type: 'settings'; readonly service: string; readonly spec: ServiceSpec | null }
  /** A command was accepted: each of these services answers it once. */
  | { readonly type: 'taken'; readonly id: number; readonly services: readonly string[] }
  /** A command was refused: other services depend on those it would stop. */
  | { readonly type: 'refused'; readonly id: number; readonly code: 'needed'; readonly message: string }
  | { readonly type: 'answer'; readonly id: number; readonly service: string; readonly outcome: Outcome }
  /** A rollout began, turned back or ended. */
  | { readonly type: 'rollout'; readonly group: string; readonly what: RolloutNews; readonly detail: string }
  | { readonly type: 'alert'; readonly service: string; readonly reason: AlertReason; readonly message: string }
  /** End opsd with this exit code. */
  | { readonly type: 'exit'; readonly code: number; readonly why: string };
