// The real program as a child of a test.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** `prefix`: where it finds its socket. */
export async function opsd(prefix: string, args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  const child = start(prefix, args, env);
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  return { code, out, err };
}

export function start(prefix: string, args: readonly string[], env: Record<string, string> = {}) {
  return spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, PREFIX: prefix, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
