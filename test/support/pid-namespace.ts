// A PID namespace of its own, where a test may have the kernel give a number to whom it wants.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { waitFor } from './wait.ts';

const LIMIT_MS = 60_000;

/** Needs root. Runs a file of this repository there, below a shell that reaps orphans as an init does; gives its output. */
export function inPidNamespace(file: string, ...args: string[]): Promise<string> {
  const init = ['sh', '-c', '"$0" "$@" & wait $!', process.execPath, file, ...args];
  return new Promise((resolve, reject) => {
    const command = ['--pid', '--fork', '--mount-proc', '--kill-child', ...init];
    execFile('unshare', command, { timeout: LIMIT_MS }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${error.message}\n${stdout}\n${stderr}`));
    });
  });
}

/** There: waits until a number is free, and starts a program that gets it, in a session of its own. */
export async function startAs(pid: number, command: readonly [string, ...string[]]): Promise<ChildProcess> {
  await waitFor(`number ${pid} to be free`, () => !existsSync(`/proc/${pid}`));
  const [file, ...args] = command;
  return await waitFor(`number ${pid}`, () => {
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
    const child = spawn(file, args, { detached: true, stdio: 'ignore' });
    if (child.pid === pid) return child;
    // A thread of Node was quicker.
    child.kill('SIGKILL');
    return null;
  });
}
