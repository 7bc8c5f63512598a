// A service's user holds opsd in the kernel by a FUSE that never answers: it is freed within seconds, and the service ends for good.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Opsd, startOpsd } from '../support/opsd.ts';
import { scratch } from '../support/scratch.ts';
import { mallory, needsRoot, runAs, type User, victim } from '../support/second-user.ts';
import { waitFor } from '../support/wait.ts';

const OWN_NAMESPACES = ['unshare', '--user', '--map-root-user', '--mount', '--'];
const skip =
  needsRoot ||
  (existsSync('/dev/fuse') ? false : 'the kernel has no FUSE') ||
  (runAs(mallory, [...OWN_NAMESPACES, 'true']).status === 0 ? false : 'this host has no user namespaces for everybody');

const SCRIPT = new URL('../support/fuse-hang.pl', import.meta.url).pathname;
/** The watcher acts in the third second or the fourth; a busy host is slower. */
const LIMIT_MS = 30_000;
/** It ends and is started again all the time. */
const INNOCENT = `
[services.innocent]
command = ["sh", "-c", "sleep 0.5; exit 1"]
user = "${victim.name}"
max_failures = 1000
backoff = { initial = "100ms", max = "100ms" }
`;

/** A device for everybody, as /dev/fuse is on most hosts, and folders to mount at. */
async function place() {
  const dir = await scratch();
  const node = join(dir.path, 'fuse');
  execFileSync('mknod', [node, 'c', '10', '229']);
  chmodSync(node, 0o666);
  const mount = (name: string): string => {
    const path = join(dir.path, name);
    mkdirSync(path);
    return path;
  };
  return {
    node,
    path: dir.path,
    go: join(dir.path, 'go'),
    mount,
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

const attack = (...args: string[]): string[] => [...OWN_NAMESPACES, 'perl', SCRIPT, ...args];
const inToml = (command: readonly string[]): string => JSON.stringify(command);
const attacker = (command: readonly string[], name = 'attacker'): string => `
[services.${name}]
command = ${inToml(command)}
user = "${mallory.name}"
stop_timeout = "1s"
`;

/** A process of another user, outside of all that opsd knows. */
async function outside(uid: number, command: readonly string[]): Promise<ChildProcess & AsyncDisposable> {
  const ids = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'];
  const child = spawn('setpriv', [...ids, ...command], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await Promise.race([new Promise((resolve) => child.stdout?.once('data', resolve)), ended]);
  assert.equal(child.exitCode, null);
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
      await ended;
    },
  });
}

const procText = (pid: number | undefined, name: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
};
/** /proc/PID/stat could hang. */
const stateOf = (pid: number): string => /^State:\t(\S)/m.exec(procText(pid, 'status'))?.[1] ?? '';
/** Whether the process waits for a FUSE within write(2) to its standard output. */
const holdsPipe = (pid: number): boolean =>
  /^(1|64) 0x1 /.test(procText(pid, 'syscall')) && /fuse|folio|request_wait/.test(procText(pid, 'wchan'));

/** Whether the connection of a FUSE that another process mounted was cut off: it answers whoever asks for a name. */
function isAborted(user: User, file: string): boolean {
  return runAs(user, ['stat', `${file}-else`]).stderr.includes('not connected');
}

/**
 * Lets the attacker take the pipe of its output while opsd, which has not read all of it, is stopped: then opsd tries, and
 * is held, whoever is quicker.
 */
async function takesPipe(opsd: Opsd, go: string): Promise<void> {
  const { pid } = opsd.daemon;
  await opsd.until('attacker', 'running');
  process.kill(pid, 'SIGSTOP');
  try {
    writeFileSync(go, '');
    await waitFor('the pipe to be held', () => opsd.alive('attacker').some(holdsPipe), LIMIT_MS);
  } finally {
    process.kill(pid, 'SIGCONT');
    rmSync(go);
  }
}

async function isAtWork(opsd: Opsd): Promise<void> {
  const { restarts } = await opsd.status('innocent');
  await opsd.until('innocent', (view) => view.restarts >= restarts + 2, LIMIT_MS);
}

async function failsForGood(opsd: Opsd, service = 'attacker'): Promise<void> {
  const view = await opsd.until(service, 'failed', LIMIT_MS);
  assert.equal(view.next_attempt_at, null);
  assert.match(view.reason, /held opsd in the kernel: a FUSE of user .*PrivateDevices=yes/);
  assert.match((await opsd.ctl('why', service)).stdout, /PrivateDevices=yes/);
  assert.match(await opsd.log(), /\[CRITICAL\].*held opsd in the kernel|CRITICAL.*held in the kernel/);
}

for (const mode of ['output', 'exec']) {
  const how = mode === 'exec' ? 'an exec that never ends' : 'a write to its output';

  test(`by ${how}, again and again`, { skip }, async () => {
    await using there = await place();
    const command = attack(there.node, there.mount('a'), mode, there.go);
    await using opsd = await startOpsd({ config: attacker(command) + INNOCENT });
    if (mode === 'output') await takesPipe(opsd, there.go);
    await failsForGood(opsd);
    await isAtWork(opsd);
    assert.deepEqual(opsd.alive('attacker'), []);
    await opsd.order('start', 'attacker');
    if (mode === 'output') await takesPipe(opsd, there.go);
    await opsd.until('attacker', (view) => view.state === 'failed' && view.generation === 2, LIMIT_MS);
    await isAtWork(opsd);
  });

  test(`by ${how}, with a FUSE that is none of its processes`, { skip }, async () => {
    await using there = await place();
    await using theirs = await outside(mallory.uid, attack(there.node, there.mount('a'), 'serve'));
    await using others = await outside(victim.uid, attack(there.node, there.mount('b'), 'read'));
    const file = (of: ChildProcess, folder: string) => `/proc/${of.pid}/root${there.path}/${folder}/file`;
    const command = ['perl', SCRIPT, '-', file(theirs, 'a'), mode, there.go];
    await using opsd = await startOpsd({ config: attacker(command) + INNOCENT });
    if (mode === 'output') await takesPipe(opsd, there.go);
    await failsForGood(opsd);
    await isAtWork(opsd);
    // What another user mounted is still there, with the request that it owes.
    assert.equal(isAborted(victim, file(others, 'b')), false);
    assert.equal(isAborted(mallory, file(theirs, 'a')), true);
  });

  test(`by ${how}, as one opsd is killed and the next begins`, { skip }, async () => {
    await using there = await place();
    const command = attack(there.node, there.mount('a'), mode, there.go);
    await using opsd = await startOpsd({
      config: attacker(['sh', '-c', `sleep 3; exec "$@"`, 'sh', ...command]) + INNOCENT,
    });
    await opsd.until('attacker', 'running');
    if (mode === 'output') await takesPipe(opsd, there.go);
    await waitFor('opsd to be held', () => stateOf(opsd.daemon.pid) === 'D', LIMIT_MS);
    // It cannot end before the watcher frees it.
    await opsd.crash();
    await opsd.restart();
    await isAtWork(opsd);
  });
}

test('by what is held already when opsd begins', { skip }, async () => {
  await using there = await place();
  const command = attack(there.node, there.mount('a'), 'output', there.go);
  await using opsd = await startOpsd({
    config: attacker(['sh', '-c', `sleep 3; exec "$@"`, 'sh', ...command]) + INNOCENT,
  });
  await opsd.until('attacker', 'running');
  await opsd.crash();
  writeFileSync(there.go, '');
  await waitFor('the pipe to be held', () => opsd.alive('attacker').some(holdsPipe), LIMIT_MS);
  await opsd.restart();
  await failsForGood(opsd);
  await isAtWork(opsd);
});
