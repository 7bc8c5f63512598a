// The cgroups that the machines of one run live in: new ones, and nothing else on the host is written to.

import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupTrees } from './requirements.ts';

/** Makes a group of that name in each tree that a systemd wants. Returns its name. */
export function makeCgroups(name: string): string {
  for (const tree of cgroupTrees()) {
    mkdirSync(join(tree, name), { recursive: true });
    let parent = tree;
    for (const part of name.split('/')) {
      handOnControllers(parent);
      parent = join(parent, part);
    }
  }
  return name;
}

/** Where a process enters a group. */
export function entrances(name: string): string[] {
  return cgroupTrees().map((tree) => join(tree, name, 'cgroup.procs'));
}

/** Kills what should still be in there, and removes the groups. */
export function removeCgroups(name: string): void {
  for (const tree of cgroupTrees()) {
    const top = join(tree, name);
    attempt(() => writeFileSync(join(top, 'cgroup.kill'), '1'));
    // Killed processes take a moment to be gone.
    for (let round = 0; round < 60 && !removeTree(top); round++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}

function removeTree(group: string): boolean {
  attempt(() => {
    for (const entry of readdirSync(group, { withFileTypes: true })) {
      if (entry.isDirectory()) removeTree(join(group, entry.name));
    }
  });
  attempt(() => rmdirSync(group));
  return !attempt(() => readdirSync(group));
}

/** Only where the host's tree is v2 alone has it any to hand on; where it refuses, machines do without. */
function handOnControllers(group: string): void {
  attempt(() => {
    for (const name of readFileSync(join(group, 'cgroup.controllers'), 'utf8').split(/\s+/).filter(Boolean)) {
      attempt(() => writeFileSync(join(group, 'cgroup.subtree_control'), `+${name}`));
    }
  });
}

function attempt(what: () => void): boolean {
  try {
    what();
    return true;
  } catch {
    return false;
  }
}
