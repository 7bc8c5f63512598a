// The memory of process trees that no memory cgroup counts: the sum of the proportional set sizes of their processes.

import { readFile } from 'node:fs/promises';
import type { Identity } from '../../runtime/ports.ts';
import { isSame } from '../proc/identity.ts';

/**
 * Bytes by the keys of `trees`: the sum of PSS (proc_pid_smaps(5)). PSS divides a shared page among the processes that
 * map it, so a service with many workers is not charged for its program again and again. The kernel counts page by
 * page, which takes long for gigabytes: this runs in a thread of Node's pool, one process at a time.
 */
export async function treesMemory(
  trees: ReadonlyMap<string, readonly Identity[]>,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const [key, members] of trees) {
    let size = 0;
    for (const member of members) size += await proportionalSize(member);
    sizes.set(key, size);
  }
  return sizes;
}

/** Bytes; 0: the process is gone or cannot be read. */
async function proportionalSize(identity: Identity): Promise<number> {
  const text = await readFile(`/proc/${identity.pid}/smaps_rollup`, 'latin1').catch(() => '');
  const [, kib] = /^Pss:\s+(\d+) kB$/m.exec(text) ?? [];
  return kib === undefined || !isSame(identity) ? 0 : Number(kib) * 1_024;
}
