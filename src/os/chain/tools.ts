// Finds the tools of the exec chain on this host.

import { accessSync, constants } from 'node:fs';
import type { ChainTools } from './exec-chain.ts';

/** The PATH for programs when none is configured or inherited. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A missing tool keeps its usual path, and a start that needs it is refused with that path. */
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

/** null: no folder of `searchPath` has it as an executable. */
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
