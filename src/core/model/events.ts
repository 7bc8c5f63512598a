// What can happen to the supervisor: facts about generations, orders, and time.

import type { Config, Millis, SignalName } from './spec.ts';
import type { Exit } from './state.ts';
import type { Step } from './states.ts';

export type Event =
  // Facts about a generation. News of an old one is ignored. `step`: of which of its process trees; absent: of the service itself.
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
      readonly kind: 'permanent' | 'transient' | 'failure';
      readonly message: string;
    }
  /** The main process is gone; `left` others of its tree are not. */
  | {
      readonly type: 'exited';
      readonly service: string;
      readonly generation: number;
      readonly step?: Step;
      readonly exit: Exit;
      readonly left: number;
      /** Why it could not even begin (its user may not enter its folder, for example), which trying again cannot heal. */
      readonly refusal?: string;
    }
  /** The last process of a tree that outlived its main process is gone. */
  | { readonly type: 'tree_exited'; readonly service: string; readonly generation: number; readonly step?: Step }
  /** What is being killed could not be looked at: nobody knows whether it is gone. */
  | { readonly type: 'scan_failed'; readonly service: string; readonly generation: number; readonly step?: Step }
  /** The answer to a `check_heartbeat`: has the heartbeat file changed since the last one? */
  | {
      readonly type: 'heartbeat_checked';
      readonly service: string;
      readonly generation: number;
      readonly changed: boolean;
    }
  | { readonly type: 'ready'; readonly service: string; readonly generation: number }
  /** The answer to a `probe`. `detail`: what was wrong, or what came. */
  | {
      readonly type: 'probed';
      readonly service: string;
      readonly generation: number;
      readonly isGood: boolean;
      readonly detail: string;
    }
  /** It takes more memory than it may, and no cgroup holds it. */
  | { readonly type: 'memory_exceeded'; readonly service: string; readonly generation: number; readonly detail: string }
  // Orders.
  /** One command to one service or many; each of them answers it. */
  | {
      readonly type: 'order';
      readonly id: number;
      readonly action: 'start' | 'restart' | 'run' | 'reset';
      readonly services: readonly string[];
      readonly by: string;
    }
  /** `cascade`: what needs one of them stops, too, and before it; without, it is refused where there is any. */
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
  /** `services`: which of the group are to be restarted, one after the other. Answered when it is over. */
  | {
      readonly type: 'rollout';
      readonly id: number;
      readonly action: 'restart';
      readonly group: string;
      readonly services: readonly string[];
      readonly by: string;
    }
  /** `undo`: back to what was before. `retry`: forward once more after that. */
  | {
      readonly type: 'rollout';
      readonly id: number;
      readonly action: 'undo' | 'retry';
      readonly group: string;
      readonly by: string;
    }
  /** `isFirst`: the daemon starts; what is enabled comes up. */
  | { readonly type: 'configured'; readonly config: Config; readonly isFirst: boolean }
  | { readonly type: 'shutdown'; readonly by: string }
  | { readonly type: 'handover'; readonly by: string }
  /** The time of a job has come. */
  | { readonly type: 'scheduled'; readonly service: string }
  // Time.
  | { readonly type: 'tick' }
  /** The loop woke up that much too late (SIGSTOP, a starved host): nobody else is to pay for it. */
  | { readonly type: 'overslept'; readonly gap: Millis };
