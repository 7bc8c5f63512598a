// What a child of opsd would inherit of it, and the tools that change it.

import { accessSync, constants, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { limitOf } from '../proc/descriptors.ts';
import { DEFAULT_PATH } from './environment.ts';
import type { ChainTools, Inherited } from './exec-chain.ts';

export function inheritedOfSelf(): Inherited {
  const [, umask = '022'] = /^Umask:\t([0-7]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return {
    umask: Number.parseInt(umask, 8),
    nice: getPriority(),
    oomScoreAdj: Number(readFileSync('/proc/self/oom_score_adj', 'latin1')),
    descriptors: limitOf('self')?.soft ?? 1024,
  };
}

/** The tools of the exec chain where this host keeps them; a missing one keeps its usual place, and is then named as missing. */
export function chainTools(): ChainTools {
  return {
    sh: '/bin/sh',
    prlimit: toolPath('prlimit'),
    nice: toolPath('nice'),
    ionice: toolPath('ionice'),
    setpriv: toolPath('setpriv'),
    perl: findTool('perl'),
  };
}

function toolPath(name: string): string {
  return findTool(name) ?? `/usr/bin/${name}`;
}

function findTool(name: string): string | null {
  const paths = DEFAULT_PATH.split(':').map((folder) => `${folder}/${name}`);
  return paths.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
