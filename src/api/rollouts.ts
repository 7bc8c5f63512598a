// Rollouts as `ctl rollout` and the API show them, and what can be asked of them.

import type { StateName } from '../core/model/states.ts';
import type { Turn } from '../core/rollout/note.ts';

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
