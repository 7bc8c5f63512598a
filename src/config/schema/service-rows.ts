// Makes the rows of service keys: launch keys take a new process, policy keys change while the process runs.

import type { Launch, Policy } from '../../core/model/spec.ts';
import type { ValuesOf } from './forms.ts';
import { type Draft, type Form, type How, leaf, nothing } from './rows.ts';

/** What the effective values of a service are read from. */
export interface ServiceParts {
  readonly launch: Launch;
  readonly policy: Policy;
  /** Absolute. */
  readonly envFile: string | null;
}

/** The spec of a service whose fields are filled in one by one. */
export interface ServiceDraft {
  readonly launch: Draft<Launch>;
  readonly policy: Draft<Policy>;
}

/** A key that alone decides a field of `Launch`: a change takes a new process. `spec` makes the field from the value. */
export function launch<F extends keyof Launch, S extends Form>(
  field: F,
  spec: (value: ValuesOf<S>) => Launch[F],
  description: string,
  form: S,
  how: How<Launch[F]> = {},
) {
  const put = (draft: ServiceDraft, value: ValuesOf<S>) => {
    draft.launch[field] = spec(value);
  };
  return { ...ofLaunch(field, description, form, how), put, puts: `launch.${field}` as const };
}

/** One of several keys that `src/config/build` makes a field of `Launch` from. */
export function ofLaunch<F extends keyof Launch, S extends Form>(
  field: F,
  description: string,
  form: S,
  how: How<Launch[F]> = {},
) {
  const row = leaf('anew', description, form, (parts: ServiceParts) => parts.launch[field], how);
  return { ...row, field: `launch.${field}` as const, put: nothing, puts: null };
}

/** A key that alone decides a field of `Policy`: it changes while the process runs. `spec` makes the field from the value. */
export function policy<F extends keyof Policy, S extends Form>(
  field: F,
  spec: (value: ValuesOf<S>) => Policy[F],
  description: string,
  form: S,
  how: How<Policy[F]> = {},
) {
  const put = (draft: ServiceDraft, value: ValuesOf<S>) => {
    draft.policy[field] = spec(value);
  };
  return { ...ofPolicy(field, description, form, how), put, puts: `policy.${field}` as const };
}

/** One of several keys that `src/config/build` makes a field of `Policy` from. */
export function ofPolicy<F extends keyof Policy, S extends Form>(
  field: F,
  description: string,
  form: S,
  how: How<Policy[F]> = {},
) {
  const row = leaf('at_once', description, form, (parts: ServiceParts) => parts.policy[field], how);
  return { ...row, field: `policy.${field}` as const, put: nothing, puts: null };
}

/** `env_file`, whose variables are a part of the environment. */
export function ofEnvFile<S extends Form>(description: string, form: S) {
  const row = leaf('anew', description, form, (parts: ServiceParts) => parts.envFile, { madeFrom: ['cwd'] });
  return { ...row, field: 'launch.env', put: nothing, puts: null } as const;
}

/** A key about the services of a group together: no field of one spec is made from it. */
export function ofGroup<S extends Form>(description: string, form: S) {
  const row = leaf('at_once', description, form, (_: ServiceParts) => null, { show: 'as written' });
  return { ...row, field: null, put: nothing, puts: null };
}
