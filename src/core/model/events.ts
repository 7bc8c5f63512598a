// What the core can be told: facts about generations, commands, configurations, and time.

import type { Config } from './config.ts';
import type { Millis, SignalName } from './spec.ts';
import type { Exit } from './state.ts';
import type { Step } from './states.ts';

export type Event =
  // Facts about a generation; those of an old one are ignored. `step`: which of its process trees; absent: `main`.
  | {
      readonly type: 'spawned';
      readonly service: string;
      readonly generation: number;
      readonly step?: Step;
      readonly pid: number;
    }
  | {
      readonly type: 'spawn_failed';
      readonly service: string;
      readonly generation: number;
      readonly step?: Step;
      readonly kind: 'permanent' | 'transient' | 'failure' | 'host';
      readonly message: string;
    }
  /** The main process has ended; `left` other processes of its tree live. */
  | {
      readonly type: 'exited';
      readonly service: string;
      readonly generation: number;
      readonly step?: Step;
      readonly exit: Exit;
      readonly left: number;
      /** Why the command could not be executed at all (its user may not enter its cwd, for example). */
      readonly refusal?: string;
    }
  /** The last process of a tree that outlived its main process has ended. */
  | { readonly type: 'tree_exited'; readonly service: string; readonly generation: number; readonly step?: Step }
  /** /proc could not be read during a kill: whether the tree is gone is unknown. */
  | { readonly type: 'scan_failed'; readonly service: string; readonly generation: number; readonly step?: Step }
  /** The answer to the effect `check_heartbeat`. `changed`: since the check before. */
  | {
      readonly type: 'heartbeat_checked';
      readonly service: string;
      readonly generation: number;
      readonly changed: boolean;
    }
  | { readonly type: 'ready'; readonly service: string; readonly generation: number }
  /** A service that is awaited by a line of its log has written something to it. */
  | { readonly type: 'wrote'; readonly service: string; readonly generation: number }
  /** The answer to the effect `probe`. `detail`: what was wrong, or what the service answered. */
  | {
      readonly type: 'probed';
      readonly service: string;
      readonly generation: number;
      readonly isGood: boolean;
      readonly detail: string;
      /** The last lines that the command of a failed probe wrote; absent: it wrote nothing, or is no command. */
      readonly output?: string;
    }
  /** The tree uses more than `limits.memory`, and no cgroup enforces that. */
  | { readonly type: 'memory_exceeded'; readonly service: string; readonly generation: number; readonly detail: string }
  /** What a service lacked on this host is there, as far as can be seen from outside. */
  | { readonly type: 'host_ready'; readonly service: string }
  /** The service, running or not, kept opsd waiting in the kernel; whatever it did so with is not touched again before its next start. */
  | { readonly type: 'hung_opsd'; readonly service: string; readonly detail: string }
  // Commands.
  /** One command to one service or many; each of them answers it. */
  | {
      readonly type: 'order';
      readonly id: number;
      readonly action: 'start' | 'restart' | 'run' | 'reset';
      readonly services: readonly string[];
      readonly by: string;
    }
  /** `cascade`: services that depend on one of these stop too, before it. Without it a stop with such dependents is refused. */
  | {
      readonly type: 'order';
      readonly id: number;
      readonly action: 'stop';
      readonly services: readonly string[];
      readonly cascade: boolean;
      readonly by: string;
    }
  | {
      readonly type: 'order';
      readonly id: number;
      readonly action: 'signal';
      readonly signal: SignalName;
      readonly services: readonly string[];
      readonly by: string;
    }
  /** `services`: the members of the group to restart, one after the other. Answered when the rollout has ended. */
  | {
      readonly type: 'rollout';
      readonly id: number;
      readonly action: 'restart';
      readonly group: string;
      readonly services: readonly string[];
      readonly by: string;
    }
  /** `undo`: back to the previous specs. `retry`: forward once more after that. */
  | {
      readonly type: 'rollout';
      readonly id: number;
      readonly action: 'undo' | 'retry';
      readonly group: string;
      readonly by: string;
    }
  /** `isFirst`: opsd is starting. */
  | { readonly type: 'configured'; readonly config: Config; readonly isFirst: boolean }
  | { readonly type: 'shutdown'; readonly by: string }
  | { readonly type: 'handover'; readonly by: string }
  /** The schedule of a job is due. `isMissed`: its time was passed by, by a jump of the clock, a suspend, or while no opsd ran. */
  | { readonly type: 'scheduled'; readonly service: string; readonly isMissed: boolean }
  // Time.
  | { readonly type: 'tick' }
  /** The loop woke up `gap` too late (SIGSTOP, a starved host): deadlines are put off by as much, so that no service pays for it. */
  | { readonly type: 'overslept'; readonly gap: Millis };
