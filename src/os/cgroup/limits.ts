// The limits of a generation as its cgroup has them (cgroup v2, "Controllers" of the kernel's documentation).

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Limits } from '../../core/model/spec.ts';

export type CgroupLimit = 'memory' | 'memory_high' | 'cpu' | 'tasks' | 'io_weight';

/** cpu.max: so many microseconds of each that many. */
const PERIOD_US = 100_000;

/** Sets what is asked for; gives what this cgroup cannot limit, as its controller was not handed on to it. */
export function applyLimits(cgroup: string, limits: Limits): CgroupLimit[] {
  return wanted(limits)
    .filter(({ file, text }) => !write(join(cgroup, file), text))
    .map(({ limit }) => limit);
}

/** What only a cgroup can limit. */
export function cgroupLimitsOf(limits: Limits): CgroupLimit[] {
  return wanted(limits).map(({ limit }) => limit);
}

/** Does the kernel hold the cgroup to a limit of memory? */
export function limitsMemory(cgroup: string): boolean {
  try {
    return /^\d/.test(readFileSync(join(cgroup, 'memory.max'), 'latin1'));
  } catch {
    return false;
  }
}

function wanted({ memory, memoryHigh, cpu, tasks, ioWeight }: Limits) {
  const all: { limit: CgroupLimit; file: string; text: string | null }[] = [
    { limit: 'memory', file: 'memory.max', text: memory === null ? null : String(memory) },
    { limit: 'memory_high', file: 'memory.high', text: memoryHigh === null ? null : String(memoryHigh) },
    { limit: 'cpu', file: 'cpu.max', text: cpu === null ? null : `${Math.round(cpu * PERIOD_US)} ${PERIOD_US}` },
    { limit: 'tasks', file: 'pids.max', text: tasks === null ? null : String(tasks) },
    { limit: 'io_weight', file: 'io.weight', text: ioWeight === null ? null : `default ${ioWeight}` },
  ];
  return all.flatMap(({ limit, file, text }) => (text === null ? [] : [{ limit, file, text }]));
}

/** Never makes the file: it is there where the controller is. */
function write(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}
