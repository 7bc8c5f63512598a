// A change of state as `ctl events`, the event streams and the hooks tell it.

import type { Reason, StateName } from '../core/model/states.ts';
import type { ExitView } from './services.ts';

/** One change of state. */
export interface EventView {
  /** 1, 2, 3 … in the life of one daemon. */
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
