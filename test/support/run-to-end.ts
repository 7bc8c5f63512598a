// A command, run to its end, and what came of it.

import { execFile } from 'node:child_process';

export interface Finished {
  /** null: ended by a signal, or too slow. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const LIMIT_MS = 60_000;

export function runToEnd(
  [file = '', ...args]: readonly string[],
  { env }: { readonly env: Readonly<Record<string, string>> },
): Promise<Finished> {
  return new Promise((finish) => {
    execFile(file, args, { env, timeout: LIMIT_MS }, (error, stdout, stderr) => {
      finish({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr });
    });
  });
}
