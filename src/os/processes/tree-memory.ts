// How much memory the trees of services take, where no cgroup counts it: the sum of the shares of their processes.

import { readFile } from 'node:fs/promises';
import type { Identity } from '../../runtime/ports.ts';
import { isSame } from '../proc/identity.ts';

/**
 * Bytes by the keys given. PSS (proc_pid_smaps(5)): a page that several processes share counts for each in part, so that a
 * service with many workers is not charged for its program again and again. The kernel counts page by page, gigabytes take
 * it a while: it does so in another thread, for one process at a time.
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

/** 0: it is gone, or cannot be looked at. */
async function proportionalSize(identity: Identity): Promise<number> {
  const text = await readFile(`/proc/${identity.pid}/smaps_rollup`, 'latin1').catch(() => '');
  const [, kib] = /^Pss:\s+(\d+) kB$/m.exec(text) ?? [];
  return kib === undefined || !isSame(identity) ? 0 : Number(kib) * 1_024;
}
