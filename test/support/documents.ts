// The documents of the repository: all that is written for people.

import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const repository = resolve(import.meta.dirname, '../..');

/** Absolute paths of the Markdown files of the top level and of docs/. */
export function documents(): readonly string[] {
  const docs = readdirSync(join(repository, 'docs'), { recursive: true, encoding: 'utf8' });
  const all = [...readdirSync(repository), ...docs.map((name) => join('docs', name))];
  return all
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => join(repository, name));
}
