// opsd as the benchmark runs it: the released form, with its own folder as PREFIX.

import { execFile, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { now } from './child.ts';
import { commandOf, type Launched, namesOf, pidOf, type Tool, type Work } from './tool.ts';

/** OPSD_MAIN: another build to measure. */
export const MAIN = resolve(import.meta.dirname, '../..', process.env.OPSD_MAIN ?? 'dist/main.js');

export const opsd: Tool = {
  name: 'opsd',
  version: `on Node ${process.versions.node}`,
  async launch(folder, work) {
    mkdirSync(join(folder, 'cfg'));
    for (const name of ['p', 'p/run', 'log', 'tmp']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'cfg/config.toml'), configuration(folder, work));
    return runIn(folder);
  },
};

/** Starts a daemon in a folder that was used before, too. */
export function runIn(folder: string): Launched {
  const out = openSync(join(folder, 'out'), 'a');
  const options = asClientIn(folder);
  const at = now();
  const child = spawn(MAIN, ['run'], { ...options, stdio: ['ignore', out, out] });
  closeSync(out);
  return {
    at,
    pid: async () => pidOf(child),
    status: async () => void (await promisify(execFile)(MAIN, ['ctl', 'status'], { ...options, maxBuffer: 1 << 24 })),
    log: (service) => join(folder, 'log', `${service}.log`),
    output: () => readFileSync(join(folder, 'out'), 'utf8'),
  };
}

/** Where a process of opsd finds the files of the one in this folder. */
export function asClientIn(folder: string) {
  return { cwd: folder, env: { PATH: process.env.PATH, PREFIX: join(folder, 'p') } };
}

/** So that what Node compiles is in its cache, as it is from the second start on. */
export function warmUp(): void {
  spawnSync(MAIN, ['--version'], { stdio: 'ignore' });
}

export function socketOf(folder: string): string {
  return join(folder, 'p/run/opsd.sock');
}

function configuration(folder: string, work: Work): string {
  const services = namesOf(work).map(
    (name, index) =>
      `[services.${name}]\ncommand = ${JSON.stringify(commandOf(work, folder, name))}\ncwd = ${JSON.stringify(folder)}\n${work.opsd ?? ''}\n${work.opsdOf?.(index) ?? ''}\n`,
  );
  const defaults = '[defaults]\nbackoff = { initial = "0ms" }\nmax_failures = 1000\n';
  return `[daemon]\nhttp = ${JSON.stringify(work.http ?? '')}\n\n${defaults}\n${services.join('\n')}`;
}
