// What rotation left of a log: the file before it, and where that is older than the rest, its name.

import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** More rotated files of one service are not looked at: logrotate keeps 14. */
const MOST_FILES = 1_000;

/** As logrotate names it, and does not compress yet (`delaycompress`). */
export function rotatedOnce(log: string): string {
  return `${log}.1`;
}

/** The newest of the files that were rotated before `rotatedOnce`, or are compressed; null: there is none. */
export async function newestOlder(log: string): Promise<string | null> {
  const folder = dirname(log);
  const own = basename(log);
  const names = await readdir(folder).catch((): string[] => []);
  // `web.log.2.gz`, or with dateext `web.log-20261123`.
  const older = names.filter(
    (name) => name.startsWith(own) && /^[.-]\d[\w.-]*$/.test(name.slice(own.length)) && name !== rotatedOnce(own),
  );
  const aged = await Promise.all(
    older.slice(0, MOST_FILES).map(async (name) => {
      const path = join(folder, name);
      return { path, mtime: (await stat(path).catch(() => null))?.mtimeMs ?? 0 };
    }),
  );
  return aged.sort((a, b) => b.mtime - a.mtime)[0]?.path ?? null;
}
