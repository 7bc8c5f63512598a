// What the supervisor wants done, and what it tells; one of the effects of a change of state is the news of it.

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
  /** Monotonic; the next start when there is one to come. */
  readonly nextAttemptAt: Millis | null;
}

export type Outcome =
  | { readonly ok: true; readonly message: string }
  | {
      readonly ok: false;
      /** `no_job`: a service that is started again whenever it ends cannot be run to its end. */
      readonly code: 'failed' | 'superseded' | 'shutting_down' | 'unknown_service' | 'not_running' | 'no_job' | 'gone';
      readonly message: string;
    };

export type RolloutNews = 'begun' | 'turned_back' | 'undone' | 'done' | 'rolled_back' | 'stopped' | 'interrupted';

export type AlertReason = 'too_many_failures' | 'unkillable' | 'permanent';

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
  /** Its `after_stop` did not do what it is for; nothing else comes of that. */
  | {
      readonly type: 'after_stop_failed';
      readonly service: string;
      readonly generation: number;
      readonly detail: string;
    }
  | { readonly type: 'write_pid'; readonly service: string; readonly pid: number }
  | { readonly type: 'remove_pid'; readonly service: string }
  /** Look at the heartbeat file; the answer is `heartbeat_checked`. */
  | { readonly type: 'check_heartbeat'; readonly service: string; readonly generation: number; readonly file: string }
  /** Ask; the answer is `probed`, after `timeout` at the latest. Never asked twice at a time. */
  | {
      readonly type: 'probe';
      readonly service: string;
      readonly generation: number;
      readonly probe: Probe;
      readonly timeout: Millis;
    }
  /** The time of a job came while it still ran, and its policy says to skip this run. */
  | { readonly type: 'skipped'; readonly service: string }
  /** It has been ready for `stable_after` again after `backoff` or `failed`. */
  | { readonly type: 'recovered'; readonly service: string; readonly generation: number }
  /** It is marked as unhealthy, or no longer. */
  | { readonly type: 'health'; readonly service: string; readonly isHealthy: boolean; readonly detail: string }
  /** Settings that os/ keeps for a service (output) are to be those of this one from now on; null: it is forgotten. */
  | { readonly type: 'settings'; readonly service: string; readonly spec: ServiceSpec | null }
  /** An order is being carried out: these services answer it, each once. */
  | { readonly type: 'taken'; readonly id: number; readonly services: readonly string[] }
  /** An order is not carried out: others need what it would stop. */
  | { readonly type: 'refused'; readonly id: number; readonly code: 'needed'; readonly message: string }
  | { readonly type: 'answer'; readonly id: number; readonly service: string; readonly outcome: Outcome }
  /** A rollout began, turned back or came to an end. */
  | { readonly type: 'rollout'; readonly group: string; readonly what: RolloutNews; readonly detail: string }
  | { readonly type: 'alert'; readonly service: string; readonly reason: AlertReason; readonly message: string }
  /** Everything is done: end the daemon. */
  | { readonly type: 'exit'; readonly code: number; readonly why: string };
