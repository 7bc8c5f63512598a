// Reads a file that opsd wrote itself: only if no other user can have written it.

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** `largest`: bytes. Throws the error of open(2), or an Error that says what is wrong with the file. */
export function readOwnFile(path: string, largest: number): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw new Error('it is not a file');
    if (found.uid !== process.geteuid?.()) throw new Error(`it belongs to uid ${found.uid}, not to opsd`);
    if ((found.mode & 0o022) !== 0) throw new Error('others than opsd can write it');
    if (found.size > largest) throw new Error(`it has ${found.size} bytes`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
