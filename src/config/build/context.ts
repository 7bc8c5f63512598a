// What the building of services needs beside their values: the host, the findings so far, and the values last in force.

import type { Facts } from '../check/host-facts.ts';
import type { Findings } from '../report/problems.ts';
import type { Secrets } from '../secrets/secrets.ts';
import type { LastValues } from './effective.ts';

export interface BuildContext {
  /** Absolute: opsd's own working directory. */
  readonly workDir: string;
  /** opsd's own environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly facts: Facts;
  readonly findings: Findings;
  readonly last: LastValues;
  /** Takes what is found to be secret. */
  readonly secrets: Secrets;
}
