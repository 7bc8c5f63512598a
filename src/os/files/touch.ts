// Touches a file of opsd by whose times others see that opsd lives; replaces anything else that has its name.

import { closeSync, constants, lutimesSync, openSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { lookAt } from '../trust/foreign-path.ts';
import { makeFolders } from './make-folders.ts';

/**
 * The folder may be writable by a group: a link or another user's file in it is not touched. Throws the system's error.
 */
export function touch(path: string, now: Date): void {
  const found = whatIsAt(path);
  if (found?.isFile() && found.uid === process.geteuid?.()) return lutimesSync(path, now, now);
  if (found === null) makeFolders(dirname(path));
  else unlinkSync(path);
  const fresh = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  closeSync(openSync(path, fresh, 0o644));
}

/** null also if a folder above the file is missing or is no folder. */
function whatIsAt(path: string): ReturnType<typeof lookAt> {
  try {
    return lookAt(path);
  } catch {
    return null;
  }
}
