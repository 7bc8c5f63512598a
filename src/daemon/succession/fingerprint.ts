// A one-way digest of a service's configuration, by which the next opsd sees whether it changed.

import { createHash } from 'node:crypto';
import { wholeOf } from '../../core/model/changes.ts';
import type { ServiceSpec } from '../../core/model/spec.ts';

const digests = new WeakMap<ServiceSpec, string>();

/** Covers all keys whose change takes a new process, secrets included; 128 bits of SHA-256 as hex. */
export function fingerprintOf(spec: ServiceSpec): string {
  const known = digests.get(spec);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  const values = [...spec.effective].filter(([, { inForce }]) => inForce === 'anew');
  for (const [key, value] of values.sort(([one], [other]) => (one < other ? -1 : 1))) {
    hash.update(`${key}\0${wholeOf(value)}\0`);
  }
  const digest = hash.digest('hex').slice(0, 32);
  digests.set(spec, digest);
  return digest;
}
