// Finds files by patterns with * and ?, as `include` has them.

import { lstatSync, readdirSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Upper limit of matches: a pattern with more is a mistake. */
const MOST_FILES = 10_000;

export function isPattern(path: string): boolean {
  return /[*?]/.test(path);
}

/** The existing paths that match an absolute pattern, sorted. As in a shell, only a dot matches a leading dot. */
export function matchFiles(pattern: string): readonly string[] {
  let found = ['/'];
  for (const part of pattern.split('/')) {
    if (part === '') continue;
    found = isPattern(part)
      ? found.flatMap((folder) => matching(folder, namesIn(folder), part))
      : found.map((folder) => below(folder, part));
    found = found.slice(0, MOST_FILES);
  }
  return found.filter(isThere).sort();
}

/** The same, and no disk keeps the loop waiting. */
export async function matchFilesInBackground(pattern: string): Promise<readonly string[]> {
  let found = ['/'];
  for (const part of pattern.split('/')) {
    if (part === '') continue;
    const next: string[] = [];
    for (const folder of found) {
      if (isPattern(part)) next.push(...matching(folder, await readdir(folder).catch(() => []), part));
      else next.push(below(folder, part));
    }
    found = next.slice(0, MOST_FILES);
  }
  const there: string[] = [];
  for (const path of found) if (await lstat(path).catch(() => null)) there.push(path);
  return there.sort();
}

function below(folder: string, part: string): string {
  if (part === '.') return folder;
  return `${folder === '/' ? '' : folder}/${part}`;
}

/** A dangling symlink counts as existing: the error comes when it is read. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function matching(folder: string, names: readonly string[], part: string): string[] {
  const source = part
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const wanted = new RegExp(`^${source}$`, 'su');
  return names
    .filter((name) => wanted.test(name) && (part.startsWith('.') || !name.startsWith('.')))
    .map((name) => join(folder, name));
}

/** Empty for a folder that is missing or cannot be read. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
