// What building a service needs beside its values: the host, and what is collected over all services.

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
  /** Collects the secrets that are found. */
  readonly secrets: Secrets;
}
