// The state of the supervisor: its services, and where each is in its life.

import type { Rollout } from './rollout.ts';
import type { Millis, RolloutGroup, ServiceSpec, SignalName } from './spec.ts';
import type { Reason, Step } from './states.ts';

/** How the main process of a generation ended; both null: it was adopted, nobody can know. */
export interface Exit {
  readonly code: number | null;
  readonly signal: SignalName | null;
  /** The kernel killed it for memory (told by memory.events of its cgroup). */
  readonly oom: boolean;
}

/** Beats of the generation that runs. */
export interface Beat {
  /** When the last change of the file was seen; null: none yet. */
  readonly at: Millis | null;
  /** Lost when no change was seen until then; null: nobody looks. */
  readonly lostAt: Millis | null;
  readonly lookAt: Millis | null;
}

/** Questions to the generation that runs: for readiness while it starts, for health afterwards. */
export interface Check {
  /** When to ask next; null: never, or an answer is awaited. */
  readonly askAt: Millis | null;
  /** In a row. */
  readonly failures: number;
  readonly successes: number;
  /** null: not known yet. */
  readonly isHealthy: boolean | null;
  /** What the last no was; null: there was none. */
  readonly lastFailure: string | null;
}

/** What follows once the tree of a stopping service is empty. */
export type Next =
  | { readonly to: 'stopped'; readonly reason: Reason; readonly detail: string }
  | { readonly to: 'start'; readonly reason: Reason; readonly detail: string }
  | { readonly to: 'settle'; readonly verdict: Verdict };

/** What to make of the end of a generation. */
export type Verdict =
  | { readonly kind: 'success'; readonly reason: Reason; readonly detail: string }
  | { readonly kind: 'failure'; readonly reason: Reason; readonly detail: string }
  /** Trying again cannot help: only a start or a changed configuration does. */
  | { readonly kind: 'permanent'; readonly reason: Reason; readonly detail: string }
  /** The machine had no room (EAGAIN, EMFILE, ENOMEM): try again, do not count it. */
  | { readonly kind: 'transient'; readonly reason: Reason; readonly detail: string };

/** A live generation. */
export interface Run {
  readonly generation: number;
  readonly step: Step;
  /** When the hook that runs is killed; null: none runs, or it was. */
  readonly hookEndsAt: Millis | null;
  /** Of the service itself. null: the spawn is under way, or the main process is gone, or a hook runs. */
  readonly pid: number | null;
  readonly startedAt: Millis;
  readonly readyAt: Millis | null;
  readonly isAdopted: boolean;
  readonly beat: Beat;
  readonly check: Check;
}

/** `deadline`: when this service must be looked at again; null: never by itself. */
export type ServiceState =
  | { readonly name: 'stopped'; readonly deadline: null }
  | {
      readonly name: 'waiting';
      readonly deadline: null;
      /** One sentence. */
      readonly for: string;
      /** The service that it waits for; null: something else. */
      readonly on: string | null;
      /** It will not start by itself. */
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
      /** SIGKILL was seen to have no effect for 5 s; said once. */
      readonly isStuck: boolean;
    }
  | { readonly name: 'backoff'; readonly deadline: Millis }
  | { readonly name: 'failed'; readonly deadline: Millis | null }
  | { readonly name: 'exited'; readonly deadline: null };

export type CommandAction = 'start' | 'stop' | 'restart' | 'run' | 'signal' | 'reset';

/** An operator's order that waits for its service to come to rest. */
export interface PendingCommand {
  readonly id: number;
  /** `run`: answered when it has ended, not when it is up. */
  readonly action: 'start' | 'stop' | 'restart' | 'run';
  /** Who gave it, as long as it waits for dependents that are on their way down; null: it is being carried out. */
  readonly deferredFrom: string | null;
}

export interface Service {
  readonly spec: ServiceSpec;
  /** What a reload wants instead, applied once the running generation is gone. */
  readonly nextSpec: ServiceSpec | null;
  /** What a reload wants of it, as long as it runs on because others that come after it are on their way down first. */
  readonly deferred: Next | null;
  /** The clock asked for a run while one was under way; it follows. */
  readonly isQueued: boolean;
  /** No longer in the configuration: forgotten when its tree is empty. */
  readonly isRemoved: boolean;
  readonly state: ServiceState;
  /** Monotonic time of the last change of state. */
  readonly since: Millis;
  /** The operator's last word, kept until reboot; null: as the configuration says. */
  readonly desired: 'up' | 'down' | null;
  /** Number of the last generation that was started; 0: none yet. */
  readonly generation: number;
  /** Starts after the first that no operator asked for. */
  readonly restarts: number;
  readonly failuresInARow: number;
  /** Restarts in a row, failures or not, since it last was stable: what the delay grows with. */
  readonly attemptsInARow: number;
  readonly lastExit: Exit | null;
  readonly lastReason: Reason;
  /** Why its last generation failed; null: none has since it last was stopped. */
  readonly lastFailure: Reason | null;
  /** It has come to `backoff` or `failed`, and has not been ready for `stable_after` since: `recovered` is told when it has. */
  readonly isInTrouble: boolean;
  /** One sentence for people. */
  readonly lastDetail: string;
  readonly orders: readonly PendingCommand[];
}

export type Phase =
  | { readonly name: 'running' }
  /** `isKilling`: SIGKILL was sent to all; at the deadline what still lives is given up. `code`: what opsd exits with. */
  | {
      readonly name: 'shutting_down';
      readonly deadline: Millis;
      readonly isKilling: boolean;
      readonly code: number;
      readonly by: string;
    }
  | { readonly name: 'over' };

/** All of it. Changed only by `step`. */
export interface State {
  readonly phase: Phase;
  readonly startConcurrency: number;
  readonly shutdownTimeout: Millis;
  readonly exitWhen: 'never' | 'all-exited';
  /** Seed of the jitter; every use makes the next. */
  readonly seed: number;
  /** In the order of the configuration. A name's place in it is `slots.get(name)`. */
  readonly services: readonly Service[];
  readonly slots: ReadonlyMap<string, number>;
  /**
   * Highest generation of all services that were forgotten. One that is new, or comes back, starts above it: news of a
   * generation from before must never fit.
   */
  readonly generationFloor: number;
  /** Names of services that wait, in the order they came. */
  readonly queue: readonly string[];
  /** What a change takes step by step, as the configuration says. */
  readonly groups: ReadonlyMap<string, RolloutGroup>;
  /** The last one of each group, as long as there is something to say of it. */
  readonly rollouts: ReadonlyMap<string, Rollout>;
}
