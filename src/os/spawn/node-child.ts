// A child that Node has started and reaps, for the door of signals.

import type { ChildProcess } from 'node:child_process';
import { Child } from '../proc/signals.ts';

/** To be asked for in the turn of the loop that started it. null: it could not be started. */
export function nodeChild(process: ChildProcess): Child | null {
  if (process.pid === undefined) return null;
  const child = new Child(process.pid, 'node');
  process.once('exit', () => child.reaped());
  return child;
}
