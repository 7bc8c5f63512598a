// A one-way digest of a service's configuration: tells the next opsd whether it changed, and nothing else.

import { createHash } from 'node:crypto';
import { isInPlace, wholeOf } from '../../core/model/changes.ts';
import type { ServiceSpec } from '../../core/model/spec.ts';

const digests = new WeakMap<ServiceSpec, string>();

/** Of all that takes a new process when it changes. Secrets go into it; 128 bits of SHA-256 come out. */
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
