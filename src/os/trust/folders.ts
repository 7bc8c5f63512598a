// Finds users other than root and opsd's own who could replace the file at a path: checks all folders above it up to /,
// as sshd(8) does for its keys.

import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '../../errors.ts';
import { find, type PathStep } from './foreign-path.ts';

/**
 * The first folder or link above `path` that others could use to put another thing in its place; null: none. What is not
 * there yet is made by opsd, and what is above that counts. `danger` completes the sentence.
 */
export function doubtAbove(path: string, danger: string): string | null {
  for (const step of wayTo(path)) {
    const doubt = doubtOn(step, danger);
    if (doubt !== null) return doubt;
  }
  return null;
}

/**
 * A user who may only add files to a sticky folder (/tmp) cannot replace the files of others; the next step of the path
 * checks their owner.
 */
function doubtOn({ path, stats }: PathStep, danger: string): string | null {
  const us = process.geteuid?.() ?? 0;
  const { uid, mode } = stats;
  if (uid !== 0 && uid !== us) {
    const owner = us === 0 ? 'root' : us;
    return `${path} belongs to user ${uid}, ${danger}; chown ${stats.isSymbolicLink() ? '-h ' : ''}${owner} ${path}`;
  }
  if (stats.isSymbolicLink() || !isOpen(stats) || (mode & 0o1000) !== 0) return null;
  return `${path} can be written by others than ${us === 0 ? 'root' : 'opsd'}, ${danger}; chmod go-w ${path}`;
}

/** Writable by others than its owner. The group of opsd counts as its user. */
export function isOpen({ mode, gid }: Stats): boolean {
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== process.getegid?.());
}

/** Users other than its owner can make files in it. */
export function isShared({ mode }: Stats): boolean {
  return (mode & 0o022) !== 0;
}

/** They can also replace files of others there (no sticky bit). */
export function isLoose(stats: Stats): boolean {
  return isShared(stats) && (stats.mode & 0o1000) === 0;
}

function wayTo(path: string): readonly PathStep[] {
  for (let there = path; ; there = dirname(there)) {
    try {
      using found = find(there, null);
      const end = there === path ? [] : [{ path: there, stats: found.stats, acl: null }];
      return [...found.way, ...end];
    } catch (error) {
      // A folder that cannot be entered is reported when the file is opened.
      if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') return [];
      if (there === '/') return [];
    }
  }
}
