// opsd as the first process of a container (edge case 22): it says what is missing, and unknown processes are no news.

import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepareOpsd } from '../support/opsd.ts';
import { ask } from '../support/requests.ts';
import { waitFor } from '../support/wait.ts';

const asRoot = { skip: process.getuid?.() !== 0 && 'a PID namespace of its own takes root' };
const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** Each run of `orphans` leaves two behind, which end at once. */
const CONFIG = `
[services.web]
command = ["sleep", "1000"]
[services.orphans]
command = ["sh", "-c", "(sleep 0 &); (setsid sleep 0 &); exit 1"]
backoff = { initial = "100ms", max = "100ms" }
max_failures = 1000
[services.hooked]
command = ["sleep", "1000"]
before_start = ["sh", "-c", "(sleep 0 &)"]
health = { exec = ["true"], interval = "200ms" }
`;

/** opsd as PID 1, its log, and how many zombies it says there are. */
async function container(nodeOptions: readonly string[] = []) {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await prepareOpsd({ config: CONFIG }));
  const inside = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, ...nodeOptions, MAIN, 'run'];
  const env = { PATH: process.env.PATH, PREFIX: place.prefix, OPSD__DAEMON__HTTP: '' };
  const unshare = spawn('unshare', inside, { cwd: place.dir, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let log = '';
  unshare.stdout.on('data', (chunk: Buffer) => {
    log += chunk;
  });
  stack.defer(async () => {
    // The whole of the namespace ends with it.
    unshare.kill('SIGKILL');
    await once(unshare, 'exit');
  });
  const owned = stack.move();
  return {
    seen: (pattern: RegExp) => waitFor(`${pattern} in ${log}`, () => pattern.test(log), 20_000),
    log: () => log,
    async zombies() {
      const { body } = await ask({ socketPath: join(place.prefix, 'run/opsd.sock') }, 'GET', '/metrics');
      return Number(/^opsd_zombies (\d+)$/m.exec(body)?.[1] ?? Number.NaN);
    },
    /** Dead children of opsd as the host sees them. */
    dead() {
      const all = readdirSync('/proc').flatMap((pid) => statOf(pid) ?? []);
      const opsd = all.find(({ parent }) => parent === unshare.pid);
      return all.filter(({ state, parent }) => state === 'Z' && parent === opsd?.pid).length;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function statOf(pid: string) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { pid: Number(pid), state, parent: Number(parent) };
  } catch {
    return null;
  }
}

test('as PID 1 it fetches orphans that have ended, and nobody else’s children', asRoot, async () => {
  await using inside = await container();
  await inside.seen(/state service=web from=starting to=running generation=1/);
  await inside.seen(/state service=orphans from=backoff to=starting generation=20/);
  // Two a generation would be forty by now; those of the last second or two may still be there.
  await waitFor('most are fetched', async () => inside.dead() < 30 && (await inside.zombies()) < 30);
  await inside.seen(/state service=orphans from=backoff to=starting generation=40/);
  await waitFor('they do not add up', () => inside.dead() < 30);
  assert.doesNotMatch(inside.log(), /state service=(web|hooked) from=running|reaps no orphans|unknown/);
});

test('as PID 1 of a Node that cannot fetch them it asks for an init, counts them, and supervises', asRoot, async () => {
  await using inside = await container(['--no-experimental-ffi']);
  await inside.seen(/\[WARN\] opsd is PID 1 and reaps no orphans: run it under an init/);
  await inside.seen(/state service=web from=starting to=running generation=1/);
  await inside.seen(/state service=orphans from=backoff to=starting generation=10/);
  await waitFor('they are counted', async () => (await inside.zombies()) >= 10);
  assert.doesNotMatch(inside.log(), /state service=web from=running/);
});
