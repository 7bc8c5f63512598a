// A file of opsd's own whose times tell that something lives: touched, and made anew where something else has its name.

import { closeSync, constants, lutimesSync, openSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { lookAt } from '../trust/foreign-path.ts';
import { makeFolders } from './make-folders.ts';

/** The folder may be one that a group can write to: neither a link nor a file of somebody else there is touched. Throws what the system says. */
export function touch(path: string, now: Date): void {
  const found = whatIsAt(path);
  if (found?.isFile() && found.uid === process.geteuid?.()) return lutimesSync(path, now, now);
  if (found === null) makeFolders(dirname(path));
  else unlinkSync(path);
  const fresh = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  closeSync(openSync(path, fresh, 0o644));
}

/** Nothing, too, where a folder above it is none. */
function whatIsAt(path: string): ReturnType<typeof lookAt> {
  try {
    return lookAt(path);
  } catch {
    return null;
  }
}
