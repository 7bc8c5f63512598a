// wrk(1), a load generator that is not ours: as many requests as it can make, and what it says of them at its end.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { waitFor } from './wait.ts';

const PROGRAM = '/usr/bin/wrk';
/** It is ended before; should this test be killed, it ends by itself. */
const LONGEST_S = 120;

export const withWrk = { skip: !existsSync(PROGRAM) && 'wrk is missing: apt-get install wrk' };

export interface Report {
  readonly requests: number;
  /** Its lines on connections that failed and answers that were no success; empty: there were none. */
  readonly failures: readonly string[];
}

/** Loads the port for as long as `act` takes, each request on a connection of its own. */
export async function loadWithWrk(port: number, act: () => Promise<void>): Promise<Report> {
  const options = ['--threads', '1', '--connections', '8', '--duration', `${LONGEST_S}s`, '--timeout', '20s'];
  const url = `http://127.0.0.1:${port}/`;
  // stdbuf: a line is told when it is written; it becomes wrk.
  const wrk = spawn('stdbuf', ['-oL', PROGRAM, ...options, '--header', 'Connection: close', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve, reject) => {
    wrk.once('error', reject);
    wrk.once('close', () => resolve());
  });
  let said = '';
  wrk.stdout.on('data', (part) => (said += part));
  try {
    await waitFor('wrk has begun', () => said.includes('Running'));
    await act();
  } finally {
    // It tells what it has counted.
    wrk.kill('SIGINT');
    await ended;
  }
  const [, requests] = /^ *(\d+) requests in /m.exec(said) ?? [];
  if (requests === undefined) throw new Error(`wrk gave no report: ${said}`);
  return { requests: Number(requests), failures: said.match(/^ *(Socket errors|Non-2xx).*$/gm) ?? [] };
}
