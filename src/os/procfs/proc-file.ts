// Reads the files of /proc, and lets the watcher of calls that hang know how long that took.

import { closeSync, openSync, readSync } from 'node:fs';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import { isOutOfDescriptors, withSpare } from './spare-descriptor.ts';

/** Told of each call that a service's user could make hang. */
interface Stopwatch {
  now(): Millis;
  /** A call that began then is over. */
  after(began: Millis): void;
}

let stopwatch: Stopwatch | null = null;

/** From now on; null: nobody wants to know any more. */
export function timeProcReads(by: Stopwatch | null): void {
  stopwatch = by;
}

/**
 * Why a file of a process could not be read: the process does not exist; opsd has no permission; or opsd has no
 * descriptor or memory left, so that nothing is known.
 */
export type Unread = 'gone' | 'forbidden' | 'exhausted';

/**
 * Reads a file of /proc into `into`, as much as fits. Returns the number of bytes, or why the file could not be read.
 */
export function readProcFile(path: string, into: Buffer): number | Unread {
  const began = stopwatch?.now() ?? 0;
  try {
    return withSpare(() => read(path, into));
  } catch (error) {
    return whyUnread(error);
  } finally {
    stopwatch?.after(began);
  }
}

function read(path: string, into: Buffer): number {
  const descriptor = openSync(path, 'r');
  try {
    return readSync(descriptor, into, 0, into.length, 0);
  } finally {
    closeSync(descriptor);
  }
}

function whyUnread(error: unknown): Unread {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ESRCH') return 'gone';
  return isOutOfDescriptors(error) || code === 'ENOMEM' ? 'exhausted' : 'forbidden';
}
