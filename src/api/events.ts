// A transition as `ctl events`, the event streams and the event hooks report it.

import type { Reason, StateName } from '../core/model/states.ts';
import type { ExitView } from './services.ts';

/** One transition. */
export interface EventView {
  /** Counts from 1 while one daemon runs. */
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
