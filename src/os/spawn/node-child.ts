// Wraps a child that Node has started and reaps, so that it can be signalled.

import type { ChildProcess } from 'node:child_process';
import { Child } from '../proc/signals.ts';

/** Must be called in the turn of the event loop that started the process. null: the process was not started. */
export function nodeChild(process: ChildProcess): Child | null {
  if (process.pid === undefined) return null;
  const child = new Child(process.pid, 'node');
  process.once('exit', () => child.reaped());
  return child;
}
