// The last bytes of an open file.

import { readSync } from 'node:fs';

/** At most `limit` bytes before `end`; fewer if the file was truncated meanwhile. */
export function readEnd(descriptor: number, end: number, limit: number): Buffer {
  const bytes = Buffer.alloc(Math.min(limit, end));
  return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, end - bytes.length));
}
