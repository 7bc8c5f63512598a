// Paths without `..`, as the kernel walks them: `..` behind a symbolic link is the folder above what the link leads to.

import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

/** The path, relative to the absolute folder `base`, without `.` and `..`. Nothing is there: it keeps its `..`. */
export function plainPath(base: string, path: string): string {
  const whole = path.startsWith('/') ? path : `${base}/${path}`;
  const last = /^.*\/\.\.(?=\/|$)/.exec(whole)?.[0];
  const byText = resolve(whole);
  if (last === undefined) return byText;
  const rest = whole.slice(last.length);
  try {
    const [meant, read] = [statSync(last), statSync(resolve(last), { throwIfNoEntry: false })];
    if (meant.ino === read?.ino && meant.dev === read.dev) return byText;
    return resolve(`${realpathSync.native(last)}/${rest}`);
  } catch {
    // The message of whoever needs the file names it as it was written.
    return whole;
  }
}
