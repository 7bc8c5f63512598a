// Opens a log, and makes what is missing of it: the file, and its folder too where somebody removed that.

import { constants, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { prepareLogFolder } from '../files/run-dir.ts';
import { codeOf } from '../proc/identity.ts';

/** 0640: a group of log readers may be given the folder. */
const MODE = 0o640;

/** Throws what open(2) gives, or a RuntimeError where the folder cannot be made or something else is in its place. */
export function openLog(path: string, flags: number): number {
  const open = (): number => openSync(path, flags | constants.O_CREAT, MODE);
  try {
    return open();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  prepareLogFolder(dirname(path));
  return open();
}
