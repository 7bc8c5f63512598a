// How much memory the trees of services take, where no cgroup counts it: the sum of the shares of their processes.

import { readProcFile } from '../proc/identity.ts';
import { census } from './census.ts';
import { treeKey } from './process-tree.ts';

const text = Buffer.allocUnsafe(4_096);

/**
 * Bytes by generation (`treeKey`). PSS (proc_pid_smaps(5)): a page that several processes share counts for each in part,
 * so that a service with many workers is not charged for its program again and again. null: /proc cannot be read.
 */
export function treesMemory(runDir: string, uidOf: (service: string) => number | null): Map<string, number> | null {
  const taken = census(runDir, { hints: [], uidOf, populated: [] });
  if (taken === null) return null;
  return new Map(
    taken.found.map(({ service, generation, main, others }) => {
      const pids = [...(main === null ? [] : [main.identity.pid]), ...others.map(({ pid }) => pid)];
      return [treeKey(service, generation), pids.reduce((sum, pid) => sum + proportionalSize(pid), 0)];
    }),
  );
}

/** 0: it is gone, or cannot be looked at. */
function proportionalSize(pid: number): number {
  const length = readProcFile(`/proc/${pid}/smaps_rollup`, text);
  if (typeof length !== 'number') return 0;
  const [, kib] = /^Pss:\s+(\d+) kB$/m.exec(text.toString('latin1', 0, length)) ?? [];
  return kib === undefined ? 0 : Number(kib) * 1_024;
}
