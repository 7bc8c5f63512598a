// supervisord, where Debian's package is installed: the same work as opsd gets.

import { execFile, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { now } from './child.ts';
import { commandOf, namesOf, pidOf, type Tool, type Work } from './tool.ts';

const PROGRAM = '/usr/bin/supervisord';
const CONTROL = '/usr/bin/supervisorctl';

export function findSupervisord(): Tool | null {
  if (!existsSync(PROGRAM) || !existsSync(CONTROL)) return null;
  const version = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' }).stdout.trim();
  return {
    name: 'supervisord',
    version,
    async launch(folder, work) {
      mkdirSync(join(folder, 'log'));
      const file = join(folder, 'supervisord.conf');
      writeFileSync(file, configuration(folder, work));
      const out = openSync(join(folder, 'out'), 'a');
      const at = now();
      const child = spawn(PROGRAM, ['--nodaemon', '--configuration', file], {
        cwd: folder,
        stdio: ['ignore', out, out],
      });
      closeSync(out);
      return {
        at,
        pid: async () => pidOf(child),
        status: async () => void (await promisify(execFile)(CONTROL, ['-c', file, 'status'], { maxBuffer: 1 << 24 })),
        log: (service) => join(folder, 'log', `${service}.log`),
        output: () => readFileSync(join(folder, 'out'), 'utf8'),
      };
    },
  };
}

function configuration(folder: string, work: Work): string {
  const programs = namesOf(work).map(
    (name) => `[program:${name}]
command=${commandOf(work, folder, name).join(' ')}
autorestart=true
startretries=1000
redirect_stderr=true
stdout_logfile=${folder}/log/${name}.log
stdout_logfile_maxbytes=0
`,
  );
  return `[supervisord]
minfds=16384
pidfile=${folder}/supervisord.pid
logfile=${folder}/supervisord.log
[unix_http_server]
file=${folder}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${folder}/supervisor.sock
${programs.join('\n')}`;
}
