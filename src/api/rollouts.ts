// Rollouts as `ctl rollout` and the API show them, and the commands for them.

import type { StateName } from '../core/model/states.ts';
import type { MemberTurn } from '../core/rollout/note.ts';

/** The last rollout of a group, or of a service without instances. */
export interface RolloutView {
  readonly service: string;
  readonly kind: 'restart' | 'configuration';
  /** `back`: the rollout returns to the previous spec (rollback). */
  readonly direction: 'forward' | 'back';
  readonly state: 'going' | 'stopped' | 'done';
  /** What the rollout waits for, or how it ended. */
  readonly detail: string;
  /** Why the rollout stopped or was rolled back. */
  readonly failure: string | null;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly services: readonly { readonly name: string; readonly turn: MemberTurn; readonly state: StateName }[];
}

/** `undo`: roll back to the previous spec. `retry`: try the new spec again after a rollback. */
export type RolloutAction = 'restart' | 'undo' | 'retry';
