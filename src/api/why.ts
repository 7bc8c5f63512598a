// The explanation of a service's state: `ctl why` and the service's place on the status page.

import type { StateName } from '../core/model/states.ts';

/** One fact. */
export interface Evidence {
  readonly label: string;
  readonly text: string;
  /** ISO 8601, of a past event: the status page shows those as history. */
  readonly at?: string;
}

/** The explanation of one service. */
export interface WhyView {
  readonly version: 1;
  readonly service: string;
  readonly state: StateName;
  readonly since: string;
  /** One sentence with the cause. */
  readonly summary: string;
  /** The facts behind the summary, the most important first. */
  readonly evidence: readonly Evidence[];
  /** The last lines of the service's output, unchanged: sanitise them before showing them. */
  readonly last_lines: readonly string[];
  /** What opsd does next, in words; never empty. */
  readonly next: string;
  readonly next_at: string | null;
  /** Commands that would help, the best first; empty: nothing is wrong. */
  readonly commands: readonly string[];
}
