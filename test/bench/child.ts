// The program that is supervised in the benchmark, and what its copies tell of themselves.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Child {
  readonly description: string;
  /** What comes before the clock file, the name, and what to do. */
  readonly command: readonly string[];
  /** Of the clock that the child tells: nanoseconds to milliseconds as `now` gives them. */
  toNow(nanoseconds: number): number;
}

/** One start of a child, or the end of its flood. */
export interface Tick {
  readonly name: string;
  readonly pid: number;
  /** As `now` counts. */
  readonly at: number;
}

/** CLOCK_MONOTONIC in milliseconds: the same for all processes. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** With gcc a static binary that starts in a fraction of a millisecond; else a shell script. */
export function makeChild(folder: string): Child {
  const program = join(folder, 'child');
  const source = join(import.meta.dirname, 'child.c');
  for (const linking of [['-static'], []]) {
    const { status } = spawnSync('gcc', ['-O2', ...linking, '-o', program, source], { stdio: 'ignore' });
    if (status !== 0) continue;
    const description = `a ${linking.length > 0 ? 'static ' : ''}C program`;
    return { description, command: [program], toNow: (nanoseconds) => nanoseconds / 1e6 };
  }
  const offset = Date.now() - now();
  return {
    description: 'a shell script (no gcc)',
    command: ['/bin/sh', join(import.meta.dirname, 'child.sh')],
    toNow: (nanoseconds) => nanoseconds / 1e6 - offset,
  };
}

export function readTicks(clocks: string, { toNow }: Child): Tick[] {
  if (!existsSync(clocks)) return [];
  const lines = readFileSync(clocks, 'latin1').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [name = '', pid, at] = line.split(' ');
    return { name, pid: Number(pid), at: toNow(Number(at)) };
  });
}
