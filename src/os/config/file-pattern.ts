// Finds files by patterns with * and ?, as `include` has them.

import { lstatSync, readdirSync } from 'node:fs';
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
      ? found.flatMap((folder) => matchNames(folder, part))
      : found.map((path) => (part === '.' ? path : `${path === '/' ? '' : path}/${part}`));
    found = found.slice(0, MOST_FILES);
  }
  return found.filter(isThere).sort();
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

function matchNames(folder: string, part: string): string[] {
  const source = part
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const wanted = new RegExp(`^${source}$`, 'su');
  return namesIn(folder)
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
