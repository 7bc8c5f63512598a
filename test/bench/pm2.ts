// pm2, where it is on the PATH or below tmp/pm2 (npm install --prefix tmp/pm2 pm2): the same work as opsd gets.

import { execFile, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { waitFor } from '../support/wait.ts';
import { now } from './child.ts';
import { commandOf, namesOf, type Tool, type Work } from './tool.ts';

const OWN = resolve(import.meta.dirname, '../../tmp/pm2/node_modules/.bin/pm2');

export function findPm2(): Tool | null {
  const program = existsSync(OWN) ? OWN : spawnSync('which', ['pm2'], { encoding: 'utf8' }).stdout?.trim();
  if (!program) return null;
  const { version } = JSON.parse(readFileSync(join(realpathSync(program), '../../package.json'), 'utf8'));
  return {
    name: 'pm2',
    version: `${version} on Node ${process.versions.node}`,
    async launch(folder, work) {
      mkdirSync(join(folder, 'log'));
      const file = join(folder, 'work.config.cjs');
      writeFileSync(file, `module.exports = ${JSON.stringify({ apps: apps(folder, work) })}`);
      const out = openSync(join(folder, 'out'), 'a');
      const env = { PATH: process.env.PATH, HOME: folder, PM2_HOME: join(folder, 'pm2') };
      const at = now();
      const client = spawn(program, ['start', file], { cwd: folder, env, stdio: ['ignore', out, out] });
      closeSync(out);
      const pidFile = join(folder, 'pm2/pm2.pid');
      let pid: Promise<number> | null = null;
      return {
        at,
        // Asked for once: it is gone when pm2 is.
        pid: () => {
          pid ??= waitFor("pm2's PID file", () => existsSync(pidFile) && Number(readFileSync(pidFile, 'utf8')), 20_000);
          return pid;
        },
        status: async () => void (await promisify(execFile)(program, ['list'], { env, maxBuffer: 1 << 24 })),
        log: (service) => join(folder, 'log', `${service}.log`),
        output: () => readFileSync(join(folder, 'out'), 'utf8'),
        // It may wait for ever for a daemon that was killed.
        end: () => void client.kill('SIGKILL'),
      };
    },
  };
}

function apps(folder: string, work: Work) {
  return namesOf(work).map((name) => {
    const [script, ...args] = commandOf(work, folder, name);
    const log = `${folder}/log/${name}.log`;
    return { name, script, args, exec_interpreter: 'none', out_file: log, error_file: log, cwd: folder };
  });
}
