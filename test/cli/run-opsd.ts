// The real program as a child of a test.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** `prefix`: where it finds its socket. */
export function opsd(prefix: string, args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  return resultOf(start(prefix, args, env));
}

/** As a shell's `opsd ARGS >FILE`. */
export function opsdInto(file: string, prefix: string, args: readonly string[]): Promise<Result> {
  const command = ['-c', 'exec "$@" >"$0"', file, process.execPath, MAIN, ...args];
  return resultOf(run('/bin/sh', command, { PREFIX: prefix }));
}

export function start(prefix: string, args: readonly string[], env: Record<string, string> = {}) {
  return run(process.execPath, [MAIN, ...args], { PREFIX: prefix, ...env });
}

function run(file: string, args: readonly string[], env: Record<string, string>) {
  return spawn(file, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

export async function resultOf(child: ReturnType<typeof run>): Promise<Result> {
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  return { code, out, err };
}
