// The tools of the exec chain, where this host keeps them.

import { accessSync, constants } from 'node:fs';
import type { ChainTools } from './exec-chain.ts';

/** Where programs are looked for when nothing else says so. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A missing one keeps its usual place, and is then named as missing. */
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
  return findProgram(name, DEFAULT_PATH);
}

/** null: in none of the folders of `searchPath` can it be executed. */
export function findProgram(name: string, searchPath: string): string | null {
  const paths = searchPath.split(':').map((folder) => `${folder}/${name}`);
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
