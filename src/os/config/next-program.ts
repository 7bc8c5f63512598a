// Asks the program that will be started next whether it could start: an upgrade may know other keys, or be half copied.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Millis } from '../../core/model/spec.ts';
import { formatDuration } from '../../text/units.ts';
import { doubtAbove } from '../trust/folders.ts';
import { lookThrough } from '../trust/foreign-path.ts';

interface Question {
  /** The file of the program that runs, links followed. */
  readonly program: string;
  /** ${PREFIX}: `make install` puts the versions of opsd below it. */
  readonly prefix: string;
  readonly configFile: string;
  /** Unix milliseconds. */
  readonly startedAt: Millis;
}

/** A host under load takes seconds to start Node. */
const LONGEST: Millis = 30_000;
const MOST_TEXT = 1 << 20;
/** Lines of its answer that are told. */
const MOST_LINES = 20;

/** What it says of itself or the configuration, line by line; empty: it could start, or is the program that runs. */
export async function whyNextRefuses({ program, prefix, configFile, startedAt }: Question): Promise<readonly string[]> {
  const next = nextProgram(program, prefix);
  if (next === null || (next.main === program && (changedAt(program) ?? 0) <= startedAt)) return [];
  const { promise, resolve } = Promise.withResolvers<readonly string[]>();
  const args = [next.main, 'check', '--host', 'warn', '--config', configFile];
  const limits = { timeout: LONGEST, killSignal: 'SIGKILL', maxBuffer: MOST_TEXT } as const;
  execFile(next.node, args, limits, (error, _stdout, stderr) => {
    if (error === null) return resolve([]);
    const told = stderr.trim().split('\n').slice(0, MOST_LINES);
    const what = error.killed
      ? `gave no answer within ${formatDuration(LONGEST)}`
      : `ended with ${error.code ?? 'a signal'}`;
    resolve([`${next.main} check ${what}`, ...told]);
  });
  return await promise;
}

/** null: somebody else could have put it there, so it is not asked. */
function nextProgram(program: string, prefix: string): { readonly main: string; readonly node: string } | null {
  const lib = join(prefix, 'opsd/lib');
  if (!program.startsWith(`${lib}/`)) return { main: program, node: process.execPath };
  const main = join(lib, 'current/dist/main.js');
  const node = join(lib, 'current/bin/node');
  if (changedAt(main) === null || changedAt(node) === null) return { main: program, node: process.execPath };
  const danger = 'and it would be run as opsd';
  return doubtAbove(main, danger) === null && doubtAbove(node, danger) === null ? { main, node } : null;
}

/** When it was last put there or changed, in Unix milliseconds; null: there is no such file. */
function changedAt(path: string): number | null {
  try {
    return lookThrough(path)?.ctimeMs ?? null;
  } catch {
    return null;
  }
}
