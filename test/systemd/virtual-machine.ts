// A machine with a kernel of its own (User Mode Linux): cgroup v2 with all controllers, real limits, real OOM kills.

import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../support/wait.ts';
import { baseOf, inside, LIB, mountOverlay, PATH, unmount } from './base.ts';
import { entrances, makeCgroups, removeCgroups } from './cgroups.ts';
import { COMMAND_TIMEOUT_MS, type Ended, type Machine, machine } from './machine.ts';
import { overlayModule } from './requirements.ts';

const BOOT_TIMEOUT_MS = 90_000;
const POWER_OFF_TIMEOUT_MS = 60_000;
const MEMORY = '1024M';

let count = 0;

/** A fresh one, booted. It cannot be booted again: its writable layer is its memory. */
export async function virtualMachine(): Promise<Machine> {
  const folder = process.env.OPSD_TEST_SYSTEMD;
  const module = overlayModule();
  if (folder === undefined) throw new Error('run it as: make test-systemd ONLY=test/systemd/NAME.test.ts');
  if (module === null) throw new Error('overlay.ko is missing: apt-get install --reinstall user-mode-linux');
  const name = `v${process.pid}-${++count}`;
  const home = join(folder, name);
  const root = join(home, 'root');
  const mailbox = join(root, LIB, 'mail');
  await using cleanup = new AsyncDisposableStack();
  const group = makeCgroups(`${folder.slice('/run/'.length)}/${name}`);
  cleanup.defer(() => removeCgroups(group));
  for (const part of ['up', 'work', 'root']) mkdirSync(join(home, part), { recursive: true });
  cleanup.defer(() => rmSync(home, { recursive: true, force: true }));
  mountOverlay(root, [baseOf(folder).layer, '/'], join(home, 'up'), join(home, 'work'));
  cleanup.defer(() => unmount(root));
  mkdirSync(mailbox);
  copyFileSync(module, join(root, LIB, 'overlay.ko'));
  writeFileSync(join(root, LIB, 'init'), INIT, { mode: 0o755 });
  writeFileSync(join(root, LIB, 'agent'), AGENT, { mode: 0o755 });
  inside(root, UNITS);

  const guest = await boot(name, home, root, group, mailbox);
  let letters = 0;
  cleanup.defer(() => powerOff(guest, mailbox, ++letters));
  const owned = cleanup.move();
  return machine({
    run: (command) => post(mailbox, ++letters, guest, command),
    reboot: () => Promise.reject(new Error('a virtual machine cannot be booted again, use a container')),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  });
}

/** The guest's first process. Root: the tree on the host below, the guest's memory above; then systemd. */
const INIT = `#!/bin/sh
set -e
export PATH=${PATH}
mount -t proc proc /proc
insmod ${LIB}/overlay.ko
mount -t tmpfs -o mode=755,size=90% tmpfs /mnt
mkdir /mnt/up /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work opsd-test /mnt/root
mkdir -p /mnt/root${LIB}
mount -t hostfs -o ${LIB} none /mnt/root${LIB}
umount /proc
exec switch_root /mnt/root /lib/systemd/systemd
`;

/** Takes commands out of the mailbox: N.sh is run when N.go is there; N.out, N.err, and at last N.code come back. */
const AGENT = `#!/bin/bash
cd ${LIB}/mail
mkfifo /run/never
exec 3<>/run/never
systemctl is-system-running --wait >booted.new
mv booted.new booted
for ((n = 1; ; n++)); do
  until [ -e $n.go ]; do read -rt 0.05 -u 3; done
  { cd /; /bin/bash ${LIB}/mail/$n.sh </dev/null; echo $? >${LIB}/mail/$n.code.new; mv ${LIB}/mail/$n.code.new ${LIB}/mail/$n.code; } \\
    >$n.out 2>$n.err 3<&- &
done
`;

/** The agent; and without what is of no use to the guest, for starting a process is slow there. */
const UNITS = `
cd /etc/systemd/system
cat >opsd-test-agent.service <<EOF
[Service]
ExecStart=${LIB}/agent
Environment=HOME=/root PATH=${PATH} LANG=C.UTF-8
OOMScoreAdjust=-1000
TimeoutStopSec=2
EOF
ln -sfn ../opsd-test-agent.service multi-user.target.wants/opsd-test-agent.service
for unit in systemd-{udevd,udev-trigger,timesyncd,modules-load,binfmt,remount-fs,update-utmp}.service \\
  systemd-udevd-{control,kernel}.socket systemd-update-utmp-runlevel.service kmod-static-nodes.service \\
  proc-sys-fs-binfmt_misc.{automount,mount} sys-kernel-{config,debug,tracing}.mount tmp.mount
do ln -sfn /dev/null "$unit"; done
`;

/** Enters the cgroups named in $0; should the test be killed, so is the guest. */
const ENTER = 'for file in $0; do echo $$ >"$file" || exit; done; exec setpriv --pdeathsig KILL -- "$@"';

async function boot(name: string, home: string, root: string, group: string, mailbox: string): Promise<ChildProcess> {
  const kernel = [
    ...['linux.uml', `mem=${MEMORY}`, 'root=none', `hostfs=${root}`, 'rootfstype=hostfs', 'rootflags=/', 'ro'],
    ...[`init=${LIB}/init`, `umid=opsd-test-${name}`, `uml_dir=${home}/`, 'panic=1', 'noreboot', 'quiet'],
    ...['con0=null,fd:1', 'con=null', 'ssl=null'],
  ];
  // Each of its many switches between two host CPUs would cost a wake-up: it gets one.
  const cpu = String(process.pid % availableParallelism());
  const guest = spawn('/bin/sh', ['-c', ENTER, entrances(group).join(' '), 'taskset', '-c', cpu, ...kernel], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // The guest's memory is a file below TMPDIR.
    env: { PATH, TMPDIR: home },
  });
  let output = '';
  const listen = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2_000);
  };
  guest.stdout.on('data', listen);
  guest.stderr.on('data', listen);
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => end(guest));
  await waitFor(
    'the end of the boot',
    () => {
      if (isOver(guest)) throw new Error(`the guest kernel ended while booting: ${output}`);
      return existsSync(join(mailbox, 'booted'));
    },
    BOOT_TIMEOUT_MS,
  );
  cleanup.move();
  return guest;
}

const isOver = (guest: ChildProcess) => guest.exitCode !== null || guest.signalCode !== null;

async function post(mailbox: string, number: number, guest: ChildProcess, command: readonly string[]): Promise<Ended> {
  const file = (kind: string) => join(mailbox, `${number}.${kind}`);
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  writeFileSync(file('sh'), `exec ${quoted}\n`);
  writeFileSync(file('go.new'), '');
  renameSync(file('go.new'), file('go'));
  await waitFor(
    `the end of ${quoted}`,
    () => {
      if (isOver(guest)) throw new Error(`the guest ended before ${quoted} did`);
      return existsSync(file('code'));
    },
    COMMAND_TIMEOUT_MS,
  );
  const read = (kind: string) => readFileSync(file(kind), 'utf8');
  return { code: Number(read('code')), stdout: read('out'), stderr: read('err') };
}

async function powerOff(guest: ChildProcess, mailbox: string, number: number): Promise<void> {
  if (isOver(guest)) return;
  await Promise.race([
    post(mailbox, number, guest, ['systemctl', 'poweroff', '--no-wall']).catch(() => undefined),
    waitFor('the end of the guest', () => isOver(guest), COMMAND_TIMEOUT_MS),
  ]);
  try {
    await waitFor('a clean power-off', () => isOver(guest), POWER_OFF_TIMEOUT_MS);
  } catch (error) {
    await end(guest);
    throw error;
  }
}

async function end(guest: ChildProcess): Promise<void> {
  if (!isOver(guest)) guest.kill('SIGKILL');
  await waitFor('the end of the guest kernel', () => isOver(guest));
}
