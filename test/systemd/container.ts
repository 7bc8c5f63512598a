// A machine in a systemd-nspawn container on the host's own kernel: up in half a second, no resource limits.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../support/wait.ts';
import { baseOf, mountOverlay, PATH, SOURCE, unmount } from './base.ts';
import { entrances, makeCgroups, removeCgroups } from './cgroups.ts';
import { COMMAND_TIMEOUT_MS, type Ended, type Machine, machine } from './machine.ts';

const BOOT_TIMEOUT_MS = 30_000;
const POWER_OFF_TIMEOUT_MS = 60_000;

const repository = join(import.meta.dirname, '../..');
let count = 0;

/** A fresh one, booted. */
export async function container(): Promise<Machine> {
  const folder = process.env.OPSD_TEST_SYSTEMD;
  if (folder === undefined) throw new Error('run it as: make test-systemd ONLY=test/systemd/NAME.test.ts');
  const name = `c${process.pid}-${++count}`;
  const home = join(folder, name);
  const root = join(home, 'root');
  await using cleanup = new AsyncDisposableStack();
  const group = makeCgroups(`${folder.slice('/run/'.length)}/${name}`);
  cleanup.defer(() => removeCgroups(group));
  for (const part of ['up', 'work', 'root']) mkdirSync(join(home, part), { recursive: true });
  cleanup.defer(() => rmSync(home, { recursive: true, force: true }));
  mountOverlay(root, [baseOf(folder).layer, '/'], join(home, 'up'), join(home, 'work'));
  cleanup.defer(() => unmount(root));

  let running = await boot(name, root, group);
  cleanup.defer(() => powerOff(running));
  const owned = cleanup.move();
  return machine({
    run: (command) => runInside(running.leader, command),
    async reboot() {
      await powerOff(running);
      running = await boot(name, root, group);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  });
}

interface Running {
  readonly nspawn: ChildProcess;
  /** PID 1 of the container, as the host sees it. */
  readonly leader: number;
}

/** Enters the cgroups named in $0; should the test be killed, the container gets SIGTERM. */
const ENTER = 'for file in $0; do echo $$ >"$file" || exit; done; exec setpriv --pdeathsig TERM -- "$@"';

async function boot(name: string, root: string, group: string): Promise<Running> {
  const nspawn = spawn(
    '/bin/sh',
    [
      ...['-c', ENTER, entrances(group).join(' ')],
      ...['systemd-nspawn', '--quiet', `--directory=${root}`, `--machine=opsd-test-${name}`],
      ...['--register=no', '--keep-unit', '--console=pipe', '--link-journal=no', '--resolv-conf=off', '--timezone=off'],
      ...['--private-network', `--bind-ro=${repository}:${SOURCE}`, '--boot'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: 'yes' } },
  );
  let output = '';
  const listen = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2_000);
  };
  nspawn.stdout.on('data', listen);
  nspawn.stderr.on('data', listen);
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => end(nspawn));
  const leader = await waitFor(
    'PID 1 of the container',
    () => {
      if (nspawn.exitCode !== null) throw new Error(`systemd-nspawn ended with ${nspawn.exitCode}: ${output}`);
      return leaderOf(nspawn.pid);
    },
    BOOT_TIMEOUT_MS,
  );
  await waitFor(
    'the end of the boot',
    async () => {
      const { stdout } = await runInside(leader, ['systemctl', 'is-system-running']);
      return ['running', 'degraded'].includes(stdout.trim());
    },
    BOOT_TIMEOUT_MS,
  );
  cleanup.move();
  return { nspawn, leader };
}

/** The child of systemd-nspawn that is number 1 in a PID namespace of its own. */
function leaderOf(nspawn: number | undefined): number | null {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      if (status.includes(`\nPPid:\t${nspawn}\n`) && /^NSpid:.*\t1$/m.test(status)) return Number(name);
    } catch {
      // It ended while we looked.
    }
  }
  return null;
}

function runInside(leader: number, command: readonly string[]): Promise<Ended> {
  const environment = ['env', '-i', `PATH=${PATH}`, 'HOME=/root', 'LANG=C.UTF-8'];
  return new Promise((resolve) => {
    execFile(
      'nsenter',
      ['--target', String(leader), '--all', '--root', '--wd', '--', ...environment, ...command],
      { timeout: COMMAND_TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 125;
        resolve({ code, stdout, stderr: error?.killed ? `${stderr}\n(timed out)` : stderr });
      },
    );
  });
}

const isOver = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

/** systemd-nspawn asks PID 1 for a clean halt when it gets SIGTERM. */
async function powerOff({ nspawn }: Running): Promise<void> {
  if (!isOver(nspawn)) nspawn.kill('SIGTERM');
  try {
    await waitFor('a clean power-off', () => isOver(nspawn), POWER_OFF_TIMEOUT_MS);
  } catch (error) {
    await end(nspawn);
    throw error;
  }
}

/** PID 1 inside dies with it. */
async function end(nspawn: ChildProcess): Promise<void> {
  if (!isOver(nspawn)) nspawn.kill('SIGKILL');
  await waitFor('the end of systemd-nspawn', () => isOver(nspawn));
}
