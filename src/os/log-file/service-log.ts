// The log of a service for readers: the file, the rotated file before it, and the name of the newest older one.

import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ServiceLog } from '../../api/logs.ts';
import { lookAt } from '../trust/foreign-path.ts';
import { findLog } from './open-log.ts';

/** Upper limit of the rotated files considered; logrotate keeps 14. */
const MOST_FILES = 1_000;

/** The log file of a service. */
export interface LogPlace {
  readonly path: string;
  /** The user id of the service. */
  readonly uid: number;
}

/** `uid`: the service's user. */
export function serviceLog(path: string, uid: number): ServiceLog {
  // The name logrotate gives it, uncompressed with `delaycompress`.
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
  // A regular file: opening it blocks at most on its disk.
  return found === null ? null : await open(`/proc/self/fd/${found.seen}`, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** The newest file that was rotated before `rotated`, or is compressed; null: there is none. */
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
