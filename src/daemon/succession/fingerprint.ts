// A one-way digest of a service's configuration, by which the next opsd sees whether it changed.

import { createHash } from 'node:crypto';
import { isInPlace, wholeOf } from '../../core/model/changes.ts';
import type { ServiceSpec } from '../../core/model/spec.ts';

const digests = new WeakMap<ServiceSpec, string>();

/** Covers all keys whose change takes a new process, secrets included; 128 bits of SHA-256 as hex. */
export function fingerprintOf(spec: ServiceSpec): string {
  const known = digests.get(spec);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for (const key of [...spec.effective.keys()].sort()) {
    if (!isInPlace(key)) hash.update(`${key}\0${wholeOf(spec.effective.get(key))}\0`);
  }
  const digest = hash.digest('hex').slice(0, 32);
  digests.set(spec, digest);
  return digest;
}
