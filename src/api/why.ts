// The explanation of a service's state: `ctl why` and the service's place on the status page.

import type { StateName } from '../core/model/states.ts';

/** The answer to "why is it as it is": `ctl why` and the service's place on the status page. */
export interface WhyView {
  readonly version: 1;
  readonly service: string;
  readonly state: StateName;
  readonly since: string;
  /** One sentence with the cause. */
  readonly summary: string;
  /** What the summary rests on, the strongest first. */
  readonly evidence: readonly { readonly label: string; readonly text: string }[];
  /** What the service wrote last, as it wrote it: sanitise before showing it. */
  readonly last_lines: readonly string[];
  /** What opsd does next; "nothing" is said too. */
  readonly next: string;
  readonly next_at: string | null;
  /** Commands that would help, the best first; empty: all is well. */
  readonly commands: readonly string[];
}
