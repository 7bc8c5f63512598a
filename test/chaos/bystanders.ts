// Strangers that look like services, whose PIDs opsd is told in false files: none of them may ever get a signal.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Arena } from './arena.ts';
import { statOf } from './processes.ts';
import { Violation } from './record.ts';

interface Bystander {
  readonly what: string;
  readonly child: ChildProcess;
  readonly pid: number;
  readonly log: string;
}

const LONGEST_START_MS = 10_000;

export class Bystanders implements AsyncDisposable {
  readonly #all: Bystander[] = [];

  /** `nobody`: ids of a user who may forge a marker; null: only root can start one. */
  static async start(arena: Arena, nobody: { readonly uid: number; readonly gid: number } | null): Promise<Bystanders> {
    const folder = join(arena.path, 'strangers');
    mkdirSync(folder);
    // The same command name as that of the services.
    const program = join(folder, 'service.sh');
    copyFileSync(join(import.meta.dirname, 'bystander.sh'), program);
    const they = new Bystanders();
    const add = (what: string, env: NodeJS.ProcessEnv, ids: object = {}) => {
      const log = join(folder, `${they.#all.length}.log`);
      writeFileSync(log, '');
      chmodSync(log, 0o666);
      const child = spawn(program, [log, 'plain'], {
        env: { PATH: process.env.PATH, ...env },
        detached: true,
        stdio: 'ignore',
        ...ids,
      });
      if (child.pid !== undefined) they.#all.push({ what, child, pid: child.pid, log });
    };
    for (let count = 0; count < 4; count += 1) add('a process named like a service', {});
    add('a service of another opsd', { OPSD_MARKER: '3:obedient-1:/srv/run' });
    add('a process whose marker is cut off', { OPSD_MARKER: '3:obedient-1:' });
    if (nobody) {
      for (const service of ['obedient-1', 'obedient-2', 'no-such-service']) {
        add(
          `another user's process with a forged marker of ${service}`,
          { OPSD_MARKER: `900:${service}:${arena.run}` },
          nobody,
        );
      }
    }
    const end = performance.now() + LONGEST_START_MS;
    while (they.#all.some(({ log }) => readFileSync(log, 'utf8') !== 'ready\n')) {
      if (performance.now() > end) {
        await they[Symbol.asyncDispose]();
        throw new Error('the strangers do not start');
      }
      await pause(10);
    }
    return they;
  }

  get pids(): readonly number[] {
    return this.#all.map(({ pid }) => pid);
  }

  /** Throws Violation. */
  check(): void {
    for (const { what, child, pid, log } of this.#all) {
      const told = readFileSync(log, 'utf8');
      if (told !== 'ready\n')
        throw new Violation(`${what} (pid ${pid}) got signals: ${told.split('\n').slice(1).join(' ')}`);
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Violation(`${what} (pid ${pid}) was ended by ${child.signalCode ?? `exit code ${child.exitCode}`}`);
      }
      if (statOf(pid)?.state === 'T') throw new Violation(`${what} (pid ${pid}) was stopped`);
    }
  }

  /** Each with its sleep, which is in its group. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child, pid } of this.#all) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      process.kill(-pid, 'SIGKILL');
      await gone;
    }
  }
}
