// A copy of the sources and tests in which every fault is planted, asleep.

import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Numbered, withAllFaults } from './plant.ts';

/** What the tests read beside the sources. */
const COPIED = ['src', 'test', 'cfg', 'docs', 'systemd', 'README.md', 'package.json', 'Makefile'];
/** Its address is the same for every copy and every world: all of them share the one switch. */
const SWITCH = new URL('planted.ts', import.meta.url).href;

/** Folders of the sources that faults are planted in. */
export const PLANTED = ['src/core', 'src/config', 'src/runtime', 'src/text'];
/** Folders of the tests that are to catch them. */
export const CATCHING = ['test/core', 'test/config', 'test/simulation', 'test/runtime', 'test/text'];

export function plantTree(root: string, tree: string, faults: readonly Numbered[]): void {
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  for (const name of globSync(COPIED, { cwd: root })) cpSync(join(root, name), join(tree, name), { recursive: true });
  for (const [file, planted] of Map.groupBy(faults, ({ fault }) => fault.file)) {
    writeFileSync(join(tree, file), withAllFaults(readFileSync(join(root, file), 'utf8'), planted, SWITCH));
  }
}

export function sourcesIn(root: string): readonly string[] {
  return globSync(
    PLANTED.map((folder) => `${folder}/**/*.ts`),
    { cwd: root },
  ).sort();
}

/** Test files that can be run again and again in one process: those that start others, or wait for the clock, cannot. */
export function testsIn(root: string): readonly string[] {
  return globSync(
    CATCHING.map((folder) => `${folder}/**/*.test.ts`),
    { cwd: root },
  )
    .filter(
      (file) =>
        !/from '(node:child_process|node:timers\S*|.*\/support\/wait\.ts)'/.test(
          readFileSync(join(root, file), 'utf8'),
        ),
    )
    .sort();
}
