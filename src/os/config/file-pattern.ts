// File names with * and ? in them, as `include` has them.

import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** More files are not taken: a pattern that matches them was a mistake. */
const MOST_FILES = 10_000;

export function isPattern(path: string): boolean {
  return /[*?]/.test(path);
}

/** The existing paths that an absolute pattern stands for, sorted. A leading dot is only matched by a dot, as in a shell. */
export function matchFiles(pattern: string): readonly string[] {
  let found = ['/'];
  for (const part of pattern.split('/')) {
    if (part === '') continue;
    found = isPattern(part)
      ? found.flatMap((folder) => matchNames(folder, part))
      : found.map((path) => join(path, part));
    found = found.slice(0, MOST_FILES);
  }
  return found.filter(isThere).sort();
}

/** A link that leads nowhere is there: whoever reads it will say so. */
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

/** Of a folder that is not there, or may not be read, nothing matches. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
