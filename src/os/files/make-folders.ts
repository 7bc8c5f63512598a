// Makes a folder and those above it. mkdir of Node with `recursive` never returns where the kernel makes no folders
// (/proc).

import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '../../errors.ts';

/** An existing folder is left as it is. Throws the error of mkdir(2). */
export function makeFolders(path: string, mode = 0o777): void {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || existsSync(parent)) throw error;
    makeFolders(parent, mode);
    makeFolders(path, mode);
  }
}
