// A daemon that starts one service and is killed in that very moment: `dying-spawner.ts FOLDER before|after SCRIPT`. It
// prints the PID of the service and knows nothing more.

import { mkdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadPosixSpawner } from '../../../src/os/spawn/posix-spawner.ts';
import { outputsIn, specOf } from './outputs.ts';

const [folder = '', moment, script = ''] = process.argv.slice(2);
mkdirSync(join(folder, 'log'), { recursive: true });
const outputs = outputsIn(folder);
const spec = specOf('web');
outputs.prepare([spec]);
const { stdout, stderr } = outputs.open(spec);
const spawner = loadPosixSpawner();
if (spawner === null) throw new Error('this Node has no node:ffi');
if (moment === 'after') {
  const child = spawner.spawn(
    {
      ...{ command: ['/bin/sh', '-c', script], cwd: folder, environment: { PATH: '/usr/bin:/bin' } },
      ...{ stdin: 'ignore', stdout, stderr, descriptors: [] },
    },
    { onError: ({ message }) => writeSync(2, message), onExit() {} },
  );
  // Nothing but the end may come between the spawn and the kill: the number goes out in the same turn of the loop.
  writeSync(1, `${child?.pid}\n`);
}
process.kill(process.pid, 'SIGKILL');
