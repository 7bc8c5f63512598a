// The log of a service as it is read to people: the file, the one that was rotated away, and the name of what is older still.

import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ServiceLog } from '../../api/logs.ts';
import { lookAt } from '../trust/foreign-path.ts';
import { findLog } from './open-log.ts';

/** More rotated files of one service are not looked at: logrotate keeps 14. */
const MOST_FILES = 1_000;

/** Where the output of a service ends up. */
export interface LogPlace {
  readonly path: string;
  /** Of the service's user. */
  readonly uid: number;
}

/** `uid`: the service's user. */
export function serviceLog(path: string, uid: number): ServiceLog {
  // As logrotate names it, and does not compress yet (`delaycompress`).
  const rotated = `${path}.1`;
  return {
    whyNot() {
      try {
        findLog(path, uid)?.[Symbol.dispose]();
        return null;
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    },
    open: () => openToRead(path, uid),
    openRotated: () => openToRead(rotated, uid),
    inode: () => lookAt(path)?.ino ?? null,
    older: () => newestOlder(path),
  };
}

async function openToRead(path: string, uid: number): Promise<FileHandle | null> {
  using found = findLog(path, uid);
  // A regular file, which nothing has to be waited for but its disk.
  return found === null ? null : await open(`/proc/self/fd/${found.seen}`, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** The newest of the files that were rotated before `rotated`, or are compressed; null: there is none. */
async function newestOlder(log: string): Promise<string | null> {
  const folder = dirname(log);
  const own = basename(log);
  const names = await readdir(folder).catch((): string[] => []);
  // `web.log.2.gz`, or with dateext `web.log-20261123`.
  const older = names.filter(
    (name) => name.startsWith(own) && /^[.-]\d[\w.-]*$/.test(name.slice(own.length)) && name !== `${own}.1`,
  );
  const aged = await Promise.all(
    older.slice(0, MOST_FILES).map(async (name) => {
      const path = join(folder, name);
      const found = await lstat(path).catch(() => null);
      return { path, mtime: found?.isFile() ? found.mtimeMs : null };
    }),
  );
  const files = aged.filter(({ mtime }) => mtime !== null);
  return files.sort((a, b) => (b.mtime ?? 0) - (a.mtime ?? 0))[0]?.path ?? null;
}
