// Writes the limits of a generation into its cgroup (cgroup v2, "Controllers" of the kernel's documentation).

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Limits } from '../../core/model/spec.ts';

export type CgroupLimit = 'memory' | 'memory_high' | 'cpu' | 'tasks' | 'io_weight';

/** Period of cpu.max in microseconds. */
const PERIOD_US = 100_000;

/** Sets the limits; returns those that this cgroup cannot have, as their controller is not enabled in it. */
export function applyLimits(cgroup: string, limits: Limits): CgroupLimit[] {
  return wanted(limits)
    .filter(({ file, text }) => !write(join(cgroup, file), text))
    .map(({ limit }) => limit);
}

/** The configured limits that only a cgroup can enforce. */
export function cgroupLimitsOf(limits: Limits): CgroupLimit[] {
  return wanted(limits).map(({ limit }) => limit);
}

/** Whether memory.max of the cgroup is a number. */
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

/** The file exists if the controller is enabled, and is never created. */
function write(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}
