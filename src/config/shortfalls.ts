// What opsd has no right to give to a service: its start could only fail, and is refused before it is tried.

import type { Launch } from '../core/spec.ts';
import type { Powers } from './facts.ts';
import { formatSize } from './units.ts';

export interface Shortfall {
  /** The key, below the service. */
  readonly path: readonly [string, ...string[]];
  readonly message: string;
}

export function shortfallsOf({ limits }: Launch, powers: Powers): readonly Shortfall[] {
  const { descriptors, coreFile } = powers;
  const found: Shortfall[] = [];
  if (limits.nofile !== null && descriptors !== null && limits.nofile > descriptors) {
    const most = `opsd can give at most ${descriptors} here`;
    const message = powers.capabilities.has('CAP_SYS_RESOURCE')
      ? `${most}; raise fs.nr_open (sysctl), or lower it`
      : `${most}${HARD_LIMIT}; raise that limit (LimitNOFILE= of its unit, docker run --ulimit nofile=…), or lower it`;
    found.push({ path: ['limits', 'nofile'], message });
  }
  if (limits.core !== null && coreFile !== null && (limits.core === 'unlimited' || limits.core > coreFile)) {
    const most = `opsd can give at most ${coreFile === 0 ? '"0"' : formatSize(coreFile)} here`;
    const message = `${most}${HARD_LIMIT}; raise that limit (LimitCORE= of its unit, docker run --ulimit core=…), or lower it`;
    found.push({ path: ['limits', 'core'], message });
  }
  return found;
}

/** A hard limit is raised by CAP_SYS_RESOURCE only (setrlimit(2)). */
const HARD_LIMIT = ', its own hard limit, without CAP_SYS_RESOURCE';
