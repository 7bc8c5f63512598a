// Fills in the fields of specs that one key decides alone, as the rows of the keys say.

import type { DaemonSpec } from '../../core/model/config.ts';
import type { Launch, Policy } from '../../core/model/spec.ts';
import { DAEMON } from '../schema/daemon-keys.ts';
import { assertWhole, type Draft, filler } from '../schema/rows.ts';
import type { DaemonValues, ServiceValues } from '../schema/schema.ts';
import { SERVICE } from '../schema/service-keys.ts';
import type { ServiceDraft } from '../schema/service-rows.ts';

/** The fields that one row alone decides: `launch.nice`. */
type Put<R> = { [K in keyof R]: R[K] extends { readonly puts: infer F } ? F : never }[keyof R];

/** All fields that rows name. */
type FieldsOf<R> = {
  [K in keyof R]: (R[K] extends { readonly field: infer F } ? F : never) | FieldsWithin<R[K]>;
}[keyof R];
type FieldsWithin<R> = R extends { readonly rows: infer I extends object } ? FieldsOf<I> : never;

/** The fields that no row names: if there is one, the drafts below do not compile. */
type Rowless<All extends string, R> = { readonly [F in Exclude<All, FieldsOf<R>>]: never };

type Below<Part extends string, F> = F extends `${Part}.${infer K}` ? K : never;
type LaunchFields = Pick<Launch, keyof Launch & Below<'launch', Put<typeof SERVICE>>>;
type PolicyFields = Pick<Policy, keyof Policy & Below<'policy', Put<typeof SERVICE>>>;
type AllOfService = `launch.${keyof Launch}` | `policy.${keyof Policy}`;

const fillService = filler<ServiceValues, ServiceDraft>(SERVICE);
const puts = Object.values(SERVICE).map(({ puts }) => puts ?? '');
const fieldsBelow = (part: string) =>
  puts.filter((field) => field.startsWith(part)).map((field) => field.slice(part.length));
const LAUNCH_FIELDS = fieldsBelow('launch.');
const POLICY_FIELDS = fieldsBelow('policy.');

export function serviceFields(values: ServiceValues): { readonly launch: LaunchFields; readonly policy: PolicyFields } {
  const draft: ServiceDraft & Rowless<AllOfService, typeof SERVICE> = { launch: {}, policy: {} };
  fillService(values, draft);
  const { launch, policy } = draft;
  assertWhole<LaunchFields>(launch, LAUNCH_FIELDS);
  assertWhole<PolicyFields>(policy, POLICY_FIELDS);
  return { launch, policy };
}

type DaemonFields = Pick<DaemonSpec, keyof DaemonSpec & Put<typeof DAEMON>>;

const fillDaemon = filler<DaemonValues, Draft<DaemonSpec>>(DAEMON);
const DAEMON_FIELDS = Object.values(DAEMON).flatMap(({ puts }) => puts ?? []);

export function daemonFields(values: DaemonValues): DaemonFields {
  const draft: Draft<DaemonSpec> & Rowless<keyof DaemonSpec, typeof DAEMON> = {};
  fillDaemon(values, draft);
  assertWhole<DaemonFields>(draft, DAEMON_FIELDS);
  return draft;
}
