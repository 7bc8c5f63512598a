// Reads what a child of opsd inherits from it.

import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import type { Inherited } from '../chain/exec-chain.ts';
import { limitOf } from '../proc/descriptors.ts';

export function inheritedOfSelf(): Inherited {
  const [, umask = '022'] = /^Umask:\t([0-7]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return {
    umask: Number.parseInt(umask, 8),
    nice: getPriority(),
    oomScoreAdj: Number(readFileSync('/proc/self/oom_score_adj', 'latin1')),
    descriptors: limitOf('self')?.soft ?? 1024,
  };
}
