// opsd as the first process of a container (EDGE-CASES 22): it says what is missing, and unknown processes are no news.

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepareOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';

const asRoot = { skip: process.getuid?.() !== 0 && 'a PID namespace of its own takes root' };
const MAIN = join(import.meta.dirname, '../../src/main.ts');

test('as PID 1 it asks for an init, and supervises all the same', asRoot, async () => {
  await using place = await prepareOpsd({
    config: `
[services.web]
command = ["sleep", "1000"]
[services.orphans]
command = ["sh", "-c", "(sleep 0 &); (setsid sleep 0 &); exit 1"]
max_failures = 100
`,
  });
  const inside = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, MAIN, 'run'];
  const env = { PATH: process.env.PATH, PREFIX: place.prefix, OPSD__DAEMON__HTTP: '' };
  const container = spawn('unshare', inside, { cwd: place.dir, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let log = '';
  container.stdout.on('data', (chunk: Buffer) => {
    log += chunk;
  });
  try {
    const seen = (pattern: RegExp) => waitFor(`${pattern} in ${log}`, () => pattern.test(log), 20_000);
    await seen(/\[WARN\] opsd is PID 1 and reaps no orphans: run it under an init/);
    await seen(/state service=web from=starting to=running generation=1/);
    await seen(/state service=orphans from=backoff to=starting generation=4/);
    assert.doesNotMatch(log, /state service=web from=running/);
  } finally {
    // The whole of the namespace ends with it.
    container.kill('SIGKILL');
    await once(container, 'exit');
  }
});
