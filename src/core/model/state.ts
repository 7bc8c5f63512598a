// The state of the supervisor: the services, the state of each, and the run of those that live.

import type { Rollout } from './rollout.ts';
import type { Millis, RolloutGroup, ServiceSpec, SignalName } from './spec.ts';
import type { Reason, Step } from './states.ts';

/** How the main process of a generation ended. `code` and `signal` null: it was adopted, and only a parent learns them. */
export interface Exit {
  readonly code: number | null;
  readonly signal: SignalName | null;
  /** The kernel's OOM killer ended it (memory.events of its cgroup). */
  readonly oom: boolean;
}

/** The heartbeat of a run. */
export interface Beat {
  /** When the last change of the file was seen; null: none yet. */
  readonly at: Millis | null;
  /** The heartbeat is lost when no change is seen until then; null: the file is not watched. */
  readonly lostAt: Millis | null;
  /** When the file is checked next. */
  readonly lookAt: Millis | null;
}

/** The probe of a run: for readiness while the service starts, for health afterwards. */
export interface Check {
  /** When the next probe is due; null: never, or an answer is awaited. */
  readonly askAt: Millis | null;
  /** Failures and successes in a row. */
  readonly failures: number;
  readonly successes: number;
  /** null: too few answers so far. */
  readonly isHealthy: boolean | null;
  /** What the last failed probe said; null: none failed. */
  readonly lastFailure: string | null;
  /** For ready.on = "log": the service has written something to its log. */
  readonly hasWritten: boolean;
}

/**
 * What follows when the process tree of a stopping service is empty. `settle`: the restart policy decides on the verdict
 * about a run that ended, or failed, `at` that time.
 */
export type Next =
  | { readonly to: 'stopped'; readonly reason: Reason; readonly detail: string }
  | { readonly to: 'start'; readonly reason: Reason; readonly detail: string }
  | { readonly to: 'settle'; readonly verdict: Verdict; readonly at: Millis };

/** How the end of a generation is judged. */
export type Verdict =
  /** `left`: how many of its processes the main process left behind; a daemon that goes into the background does. */
  | { readonly kind: 'success'; readonly reason: Reason; readonly detail: string; readonly left: number }
  | { readonly kind: 'failure'; readonly reason: Reason; readonly detail: string }
  /** Trying again cannot help: only a start by an operator or a changed configuration can. */
  | { readonly kind: 'permanent'; readonly reason: Reason; readonly detail: string }
  /** The host lacks something that the service needs: it is tried again after `retry_failed`, and as soon as that is there. */
  | { readonly kind: 'host'; readonly reason: Reason; readonly detail: string }
  /** The host had no resources (EAGAIN, EMFILE, ENOMEM): try again, and do not count it as a failure. */
  | { readonly kind: 'transient'; readonly reason: Reason; readonly detail: string };

/** What is known of the generation that lives. */
export interface Run {
  readonly generation: number;
  readonly step: Step;
  /** When the running hook is killed; null: no hook runs, or it was killed. */
  readonly hookEndsAt: Millis | null;
  /** PID of the main process. null: the spawn is in progress, the main process has ended, or a hook runs. */
  readonly pid: number | null;
  readonly startedAt: Millis;
  /** How long opsd was stopped during this run: that time counts for no timeout. */
  readonly overslept: Millis;
  /** When the service became ready; moved by the time that opsd was stopped. null: it is not ready. */
  readonly readyAt: Millis | null;
  readonly isAdopted: boolean;
  readonly beat: Beat;
  readonly check: Check;
}

/** `deadline`: when the service must be looked at again; null: only after an event. */
export type ServiceState =
  | { readonly name: 'stopped'; readonly deadline: null }
  | {
      readonly name: 'waiting';
      readonly deadline: null;
      /** What the service waits for, for people: `db (starting)`. */
      readonly for: string;
      /** The dependency it waits for; null: something else. */
      readonly on: string | null;
      /** The obstacle will not go away by itself. */
      readonly isUnsatisfiable: boolean;
    }
  | { readonly name: 'starting'; readonly deadline: Millis | null; readonly run: Run }
  | { readonly name: 'running'; readonly deadline: Millis | null; readonly run: Run }
  | { readonly name: 'stopping'; readonly deadline: Millis; readonly run: Run; readonly next: Next }
  | {
      readonly name: 'killing';
      readonly deadline: Millis;
      readonly run: Run;
      readonly next: Next;
      /** The tree has survived SIGKILL for 5 s, and the alert was raised. */
      readonly isStuck: boolean;
    }
  | { readonly name: 'backoff'; readonly deadline: Millis }
  | { readonly name: 'failed'; readonly deadline: Millis | null }
  | { readonly name: 'exited'; readonly deadline: null };

export type CommandAction = 'start' | 'stop' | 'restart' | 'run' | 'signal' | 'reset';

/** A command that is answered when its service has come up or to rest. */
export interface PendingCommand {
  readonly id: number;
  /** `run` is answered when the service has ended, `start` and `restart` when it is running. */
  readonly action: 'start' | 'stop' | 'restart' | 'run';
  /** The operator, while the command is deferred until dependents are gone; null: it is being carried out. */
  readonly deferredFrom: string | null;
}

/** The rate of failures as the number in `max_failures_in`: an EWMA, so each failure counts less the older it is. */
export interface RecentFailures {
  /** The number as it was at the time `at`. */
  readonly count: number;
  readonly at: Millis;
}

export interface Service {
  readonly spec: ServiceSpec;
  /** The spec that takes effect when the running generation is gone; null: `spec` stays. */
  readonly nextSpec: ServiceSpec | null;
  /** A stop or restart that is deferred until dependents are gone; the service runs on meanwhile. */
  readonly deferred: Next | null;
  /** The schedule was due while the job ran (`overlap = "queue"`): another run follows. */
  readonly isQueued: boolean;
  /** The service is no longer configured, and is forgotten when its process tree is empty. */
  readonly isRemoved: boolean;
  readonly state: ServiceState;
  /** Monotonic time of the last change of state. */
  readonly since: Millis;
  /** What an operator asked for last, kept until reboot; null: `policy.enabled` decides. */
  readonly desired: 'up' | 'down' | null;
  /** Number of the last generation that was started; 0: none yet. */
  readonly generation: number;
  /** Starts by the restart policy; those by operators are not counted. */
  readonly restarts: number;
  readonly failuresInARow: number;
  readonly recentFailures: RecentFailures;
  /** Pauses in a row after too many failures; each is longer than the one before. */
  readonly pausesInARow: number;
  /** Restarts in a row since the service was stable, after failures or not: the backoff grows with it. */
  readonly attemptsInARow: number;
  readonly lastExit: Exit | null;
  readonly lastReason: Reason;
  /** Why the last generation failed; null: none has failed since the service was last stopped. */
  readonly lastFailure: Reason | null;
  /** The service was in `backoff` or `failed` and has not been stable since. When it is, the effect `recovered` follows. */
  readonly isInTrouble: boolean;
  /** It became unhealthy, and has not answered its health probe well since, whatever became of its runs. */
  readonly isUnhealthy: boolean;
  /** The last lines that the command of the last probe wrote, if that probe failed; null: there are none. */
  readonly lastProbeOutput: string | null;
  /** The detail of the last transition: one sentence for people. */
  readonly lastDetail: string;
  readonly orders: readonly PendingCommand[];
}

export type Phase =
  | { readonly name: 'running' }
  /** `isKilling`: SIGKILL was sent to all; at the deadline opsd exits although processes live. `code`: exit code of opsd. */
  | {
      readonly name: 'shutting_down';
      readonly deadline: Millis;
      readonly isKilling: boolean;
      readonly code: number;
      readonly by: string;
    }
  | { readonly name: 'over' };

/** The whole state of the core. Changed only by `step`. */
export interface State {
  readonly phase: Phase;
  readonly startConcurrency: number;
  readonly shutdownTimeout: Millis;
  readonly exitWhen: 'never' | 'all-exited';
  /** Seed of the jitter; every use makes the next. */
  readonly seed: number;
  /** In the order of the configuration; `slots` has the index of each name. */
  readonly services: readonly Service[];
  readonly slots: ReadonlyMap<string, number>;
  /**
   * Highest generation of all forgotten services. A service that is added starts above it, so that a late event of a
   * forgotten generation never matches a new one.
   */
  readonly generationFloor: number;
  /** Names of the services in `waiting`, first come, first served. */
  readonly queue: readonly string[];
  /** The groups that rollouts replace, as configured. */
  readonly groups: ReadonlyMap<string, RolloutGroup>;
  /** The last rollout of each group, in progress or ended. */
  readonly rollouts: ReadonlyMap<string, Rollout>;
}
