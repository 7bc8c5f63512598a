// Questions to real servers and commands: each answered once and in time, and nothing of them left behind.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { test } from 'node:test';
import type { Event } from '../../../src/core/model/events.ts';
import type { Launch, Probe } from '../../../src/core/model/spec.ts';
import { limitOf } from '../../../src/os/proc/descriptors.ts';
import { ProcessTable } from '../../../src/os/proc/process-table.ts';
import { Leftovers } from '../../../src/os/processes/leftovers.ts';
import { LaunchPlanner } from '../../../src/os/spawn/launch-plan.ts';
import { loadPosixSpawner } from '../../../src/os/spawn/posix-spawner.ts';
import { NO_SOCKETS, type Sockets } from '../../../src/os/systemd/sockets.ts';
import { ServiceProbes } from '../../../src/os/watch/probes.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { freePort } from '../../support/requests.ts';
import { scratch } from '../../support/scratch.ts';
import { isAlive, procFile, survivorsOf } from '../../support/survivors.ts';
import { waitFor } from '../../support/wait.ts';
import { serviceSpec } from '../rig.ts';

const asRoot = process.getuid?.() === 0 ? {} : { skip: 'only root can do that' };

type Answer = Extract<Event, { type: 'probed' }>;

let runs = 0;

/** Of a service that is launched so; `run`: its run directory; `sockets`: what opsd was given. */
function asking(launch: Partial<Launch> = {}, run = `/nowhere/${process.pid}/${++runs}`, sockets = NO_SOCKETS) {
  const told: Answer[] = [];
  const baseNofile = limitOf('self')?.soft ?? 1024;
  const table = new ProcessTable(run, { isMain: () => false, isSession: () => false }, systemClock);
  const leftovers = new Leftovers({ clock: systemClock, table, log: assert.fail });
  const spawner = loadPosixSpawner();
  assert.ok(spawner !== null);
  const probes = new ServiceProbes({
    clock: systemClock,
    leftovers,
    spawner,
    report: (event) => {
      if (event.type === 'probed') told.push(event);
    },
    specOf: (name) => (name === 'web' ? serviceSpec(['true'], launch) : undefined),
    runDir: run,
    planner: new LaunchPlanner({ clock: systemClock, runDir: run, cgroups: null, baseNofile, sockets, log: () => {} }),
  });
  let generation = 0;
  return {
    told,
    probes,
    async ask(probe: Probe, timeout = 5_000): Promise<Answer> {
      generation += 1;
      const number = generation;
      probes.ask('web', number, probe, timeout);
      return await waitFor('an answer', () => told.find((answer) => answer.generation === number));
    },
    [Symbol.dispose]() {
      probes[Symbol.dispose]();
      void leftovers[Symbol.asyncDispose]().then(() => spawner[Symbol.dispose]());
    },
  };
}

async function listening(server: Server): Promise<{ readonly port: number } & AsyncDisposable> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  const { port } = address;
  return {
    port,
    async [Symbol.asyncDispose]() {
      await new Promise((done) => server.close(done));
    },
  };
}

/** Processes whose command line has this word. */
function withWord(word: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => procFile(pid, 'cmdline').split('\0').includes(word) && isAlive(pid));
}

test('http: 200 to 399 is a yes, or the one status that is asked for', async () => {
  using it = asking();
  const server = createHttpServer((request, response) => {
    response.statusCode = Number(request.url?.slice(1));
    response.end('x'.repeat(100_000));
  });
  await using at = await listening(server);
  const get = async (path: string, status: number | null = null) =>
    (await it.ask({ kind: 'http', url: `http://127.0.0.1:${at.port}/${path}`, status })).isGood;
  assert.deepEqual(
    [await get('200'), await get('204'), await get('302'), await get('404'), await get('503')],
    [true, true, true, false, false],
  );
  assert.deepEqual([await get('404', 404), await get('200', 404)], [true, false]);
});

test('http: what goes wrong is told', async () => {
  using it = asking();
  const port = await freePort();
  const refused = await it.ask({ kind: 'http', url: `http://127.0.0.1:${port}/x`, status: null });
  assert.equal(refused.isGood, false);
  assert.match(refused.detail, new RegExp(`^GET http://127.0.0.1:${port}/x: .*ECONNREFUSED`));
  const withSecrets = `http://me:hunter2@127.0.0.1:${port}/x?token=hunter2`;
  assert.equal((await it.ask({ kind: 'http', url: withSecrets, status: null })).detail, refused.detail);
  const bad = await it.ask({ kind: 'http', url: 'no url', status: null });
  assert.match(bad.detail, /Invalid URL/);
});

test('http: a server that never answers is a no at the timeout, and the connection is gone', async () => {
  using it = asking();
  let isClosed = false;
  await using at = await listening(
    createServer((socket) =>
      socket
        .on('error', () => {})
        .on('close', () => (isClosed = true))
        .resume(),
    ),
  );
  const { isGood, detail } = await it.ask({ kind: 'http', url: `http://127.0.0.1:${at.port}/`, status: null }, 100);
  assert.deepEqual([isGood, detail], [false, `GET http://127.0.0.1:${at.port}/: no answer within 100ms`]);
  await waitFor('the end of the connection', () => isClosed);
});

test('tcp: open or not', async () => {
  using it = asking();
  await using at = await listening(createServer((socket) => socket.on('error', () => {}).resume()));
  assert.equal((await it.ask({ kind: 'tcp', host: '127.0.0.1', port: at.port })).isGood, true);
  const refused = await it.ask({ kind: 'tcp', host: '127.0.0.1', port: await freePort() });
  assert.equal(refused.isGood, false);
  assert.match(refused.detail, /^connection to 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
});

test('exec: exit 0 is a yes; all else is a no that says what it was', async () => {
  using it = asking();
  const run = async (...command: [string, ...string[]]) => {
    const { isGood, detail } = await it.ask({ kind: 'exec', command });
    return [isGood, detail];
  };
  assert.deepEqual(await run('true'), [true, 'command true: exit code 0']);
  assert.deepEqual(await run('sh', '-c', 'exit 3'), [false, 'command sh: exit code 3']);
  assert.deepEqual(await run('sh', '-c', 'kill -SEGV $$'), [false, 'command sh: SIGSEGV']);
  assert.deepEqual(await run('/no/such/program'), [
    false,
    'command /no/such/program: command /no/such/program: /no/such/program does not exist: install it, or correct the path',
  ]);
});

/** What a probe of a service that is launched so says of itself: the lines that `script` writes to fd 3. */
async function tells(script: string, launch: Partial<Launch>, sockets = NO_SOCKETS): Promise<string[]> {
  await using folder = await scratch();
  const cwd = `${folder.path}/cwd`;
  await mkdir(cwd);
  const out = `${folder.path}/out`;
  await writeFile(out, '');
  await chmod(folder.path, 0o755);
  await chmod(out, 0o666);
  using it = asking({ cwd, ...launch }, folder.path, sockets);
  const { isGood, detail } = await it.ask({ kind: 'exec', command: ['sh', '-c', `exec 3>>${out}; ${script}`] });
  assert.deepEqual([isGood, detail], [true, 'command sh: exit code 0']);
  return (await readFile(out, 'utf8')).replaceAll(cwd, 'CWD').split('\n').slice(0, -1);
}

test('exec: with cwd, environment, umask and limits of its service, and nothing of the environment of opsd', async () => {
  const { limits } = serviceSpec(['true']).launch;
  process.env.SECRET_OF_OPSD = 'x';
  try {
    const told = await tells('{ pwd; umask; ulimit -n; env | sort; } >&3', {
      env: { PATH: '/usr/bin:/bin', PORT: '8080' },
      umask: 0o027,
      limits: { ...limits, nofile: 77 },
    });
    assert.deepEqual(told.slice(0, 3), ['CWD', '0027', '77']);
    const names = told.slice(3).filter((line) => !/^(HOME|LANG|LOGNAME|OPSD_.*|SHELL|TZ|USER|PWD|_)=/.test(line));
    assert.deepEqual(names, ['PATH=/usr/bin:/bin', 'PORT=8080']);
  } finally {
    delete process.env.SECRET_OF_OPSD;
  }
});

test('exec: what its service gets of the sockets of opsd it does not, and misses none that opsd was not given', async () => {
  const given: Sockets = { byName: new Map([['web', [3]]]), troubles: [] };
  for (const sockets of [given, NO_SOCKETS]) {
    const told = await tells('env >&3', { sockets: ['web'] }, sockets);
    assert.ok(told.includes('OPSD_SERVICE=web'), told.join('\n'));
    assert.deepEqual(
      told.filter((line) => line.startsWith('LISTEN_')),
      [],
    );
  }
});

test('exec: its program is looked for in the PATH of its service', async () => {
  await using folder = await scratch();
  await writeFile(`${folder.path}/is-well`, '#!/bin/sh\n', { mode: 0o755 });
  const probe: Probe = { kind: 'exec', command: ['is-well'] };
  using within = asking({ env: { PATH: `${folder.path}:/usr/bin:/bin` } });
  using without = asking();
  assert.equal((await within.ask(probe)).isGood, true);
  assert.match((await without.ask(probe)).detail, /^command is-well: command is-well is not in PATH/);
});

test('exec: as the user and group of its service, with its groups and HOME', asRoot, async () => {
  const script = '{ id -u; id -g; echo $HOME; } >&3';
  assert.deepEqual(await tells(script, { user: 'nobody' }), ['65534', '65534', '/nonexistent']);
  assert.deepEqual(await tells(script, { user: 'nobody', group: 'daemon' }), ['65534', '1', '/nonexistent']);
});

test('exec: one of another user is killed with its children at its timeout, too', asRoot, async () => {
  await using folder = await scratch();
  const word = `${700_000 + process.pid}`;
  using it = asking({ user: 'nobody' }, folder.path);
  const command: [string, ...string[]] = ['sh', '-c', `sleep ${word} & sleep ${word}`];
  it.probes.ask('web', 1, { kind: 'exec', command }, 1_000);
  await waitFor('both', () => withWord(word).length === 2);
  assert.equal((await waitFor('an answer', () => it.told[0])).isGood, false);
  await waitFor('their end', () => withWord(word).length === 0);
});

test('exec: carries a marker of its own, by which the next opsd finds what this one leaves', async () => {
  await using folder = await scratch();
  using it = asking({}, folder.path);
  it.probes.ask('web', 1, { kind: 'exec', command: ['sleep', '60'] }, 60_000);
  await waitFor('it', () => survivorsOf(folder.path, 'web@probe').length === 1);
  assert.equal(existsSync(`${folder.path}/web.pid`), false);
});

test('exec: 20 rounds of a probe with children, killed at its timeout, leave nothing (edge case 23)', async () => {
  using it = asking();
  const word = `${400_000 + process.pid}`;
  const command: [string, ...string[]] = ['sh', '-c', `sleep ${word} & sleep ${word}`];
  for (let round = 0; round < 20; round += 1) {
    const { isGood } = await it.ask({ kind: 'exec', command }, 50);
    assert.equal(isGood, false);
  }
  await waitFor('the end of all of them', () => withWord(word).length === 0);
  assert.equal(it.told.length, 20);
});

test('exec: a yes that leaves children leaves none', async () => {
  using it = asking();
  const word = `${500_000 + process.pid}`;
  assert.equal((await it.ask({ kind: 'exec', command: ['sh', '-c', `sleep ${word} & exit 0`] })).isGood, true);
  await waitFor('the end of its child', () => withWord(word).length === 0);
});

test('exec: what left the group and the session of its probe is ended, too, and no other probe', async () => {
  using it = asking();
  const [stays, goes] = [`${800_000 + process.pid}`, `${900_000 + process.pid}`];
  it.probes.ask('web', 1, { kind: 'exec', command: ['sleep', stays] }, 60_000);
  const script = `setsid sleep ${goes} & while ! pgrep -f "^sleep ${goes}" >/dev/null; do :; done; exit 0`;
  assert.equal((await it.ask({ kind: 'exec', command: ['sh', '-c', script] })).isGood, true);
  await waitFor('its end', () => withWord(goes).length === 0);
  assert.equal(withWord(stays).length, 1);
});

test('what is under way when opsd ends is ended, and not heard of', async () => {
  const word = `${600_000 + process.pid}`;
  const it = asking();
  it.probes.ask('web', 1, { kind: 'exec', command: ['sleep', word] }, 60_000);
  await waitFor('the probe', () => withWord(word).length === 1);
  it[Symbol.dispose]();
  await waitFor('its end', () => withWord(word).length === 0);
  assert.deepEqual(it.told, []);
});

test('exec: what a command wrote last is told when it fails, and only then', async () => {
  using it = asking();
  const sh = (script: string): Probe => ({ kind: 'exec', command: ['sh', '-c', script] });
  const failed = await it.ask(sh('echo checking; echo "no route to db" >&2; exit 3'));
  assert.deepEqual([failed.isGood, failed.output], [false, 'checking\nno route to db']);
  assert.match(failed.detail, /^command sh: exit code 3$/);
  assert.equal((await it.ask(sh('echo fine'))).output, undefined);
  assert.equal((await it.ask(sh('exit 1'))).output, undefined);
  const late = await it.ask(sh('printf "\\033[31mwaiting\\033[0m\\r\\n\\n for db"; sleep 60'), 1_000);
  assert.deepEqual([late.isGood, late.output], [false, 'waiting\nfor db']);
  assert.equal((await it.ask({ kind: 'exec', command: ['/nowhere/check'] })).output, undefined);
});

test('exec: much output neither holds a command up nor grows opsd, and a line that was cut is not told', async () => {
  using it = asking();
  const script = 'head -c 10000000 /dev/zero | tr "\\0" x; echo; echo the end; exit 1';
  const { output } = await it.ask({ kind: 'exec', command: ['sh', '-c', script] });
  assert.equal(output, 'the end');
  const endless = await it.ask({
    kind: 'exec',
    command: ['sh', '-c', 'head -c 10000000 /dev/zero | tr "\\0" x; exit 1'],
  });
  assert.equal(endless.output, undefined);
});

test('exec: a command of another user may open /dev/stderr, and leaves no descriptor behind', asRoot, async () => {
  await using folder = await scratch();
  await chmod(folder.path, 0o755);
  using it = asking({ user: 'nobody', cwd: '/' }, folder.path);
  const script = 'id -un > /dev/stderr && echo x > /dev/stdout || exit 7; exit 1';
  const before = readdirSync('/proc/self/fd').length;
  for (let turn = 0; turn < 5; turn += 1) {
    const { output, detail } = await it.ask({ kind: 'exec', command: ['sh', '-c', script] });
    assert.deepEqual([detail, output], ['command sh: exit code 1', 'nobody\nx']);
  }
  await waitFor('the end of the pipes', () => readdirSync('/proc/self/fd').length <= before);
});
