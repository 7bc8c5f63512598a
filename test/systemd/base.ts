// The root that all machines start from: this host's own, read-only, with opsd put in by `make install`.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The repository, inside. */
export const SOURCE = '/usr/src/opsd';

/** Of the test's own files, inside. */
export const LIB = '/.opsd-test';

export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const repository = resolve(import.meta.dirname, '../..');

export interface Base {
  /** What differs from the host's root. */
  readonly layer: string;
  /** Both together, as one tree. */
  readonly root: string;
}

export function baseOf(folder: string): Base {
  return { layer: join(folder, 'base/up'), root: join(folder, 'base/root') };
}

/** In a mount namespace of our own: mounts a tmpfs on `folder`, and makes the base in it. */
export function makeBase(folder: string): void {
  mount(['-t', 'tmpfs', '-o', 'mode=755', 'opsd-test', folder]);
  const { layer, root } = baseOf(folder);
  for (const path of [layer, root, join(folder, 'base/work')]) mkdirSync(path, { recursive: true });
  mountOverlay(root, ['/'], layer, join(folder, 'base/work'));

  // systemd-nspawn's own files of run time are not for the host's disk.
  mkdirSync('/run/systemd/nspawn', { recursive: true });
  mount(['-t', 'tmpfs', '-o', 'mode=755', 'opsd-test', '/run/systemd/nspawn']);

  mkdirSync(join(root, LIB));
  inside(root, LIKE_NEW, randomBytes(16).toString('hex'));
  mkdirSync(join(root, SOURCE), { recursive: true });
  mount(['--bind', '-o', 'ro', repository, join(root, SOURCE)]);
  mount(['-t', 'proc', 'proc', join(root, 'proc')]);
  mount(['--rbind', '/dev', join(root, 'dev')]);
  inside(
    root,
    `make --no-print-directory -C ${SOURCE} install >${LIB}/install.log 2>&1 || { cat ${LIB}/install.log; exit 1; }`,
  );
  for (const path of ['dev', 'proc', SOURCE]) unmount(join(root, path));
}

function mount(options: readonly string[]): void {
  execFileSync('mount', [...options]);
}

/** Also what is mounted below; a straggler in it does not keep it. */
export function unmount(target: string): void {
  execFileSync('umount', ['-R', '-l', target]);
}

export function mountOverlay(target: string, lower: readonly string[], upper: string, work: string): void {
  mount(['-t', 'overlay', '-o', `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work}`, 'opsd-test', target]);
}

/** By chroot, so that no absolute symlink leads a change out to the host. */
export function inside(root: string, script: string, ...args: string[]): void {
  execFileSync('chroot', [root, '/bin/bash', '-euc', script, 'bash', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { PATH, HOME: '/root' },
  });
}

/** As freshly installed: none of the services that this host has enabled, no mounts, an identity of its own. */
const LIKE_NEW = `
cd /etc/systemd/system
rm -rf -- *.wants *.requires /etc/machine-id /var/lib/dbus/machine-id /var/log/journal /.dockerenv \\
  opsd.service opsd.service.d /srv /usr/local/bin/opsd
echo "$1" >/etc/machine-id
: >/etc/fstab
mkdir -p multi-user.target.wants system-generators /etc/systemd/system-generators /etc/tmpfiles.d /var/log/journal /proc /tmp
ln -sfn /lib/systemd/system/multi-user.target default.target
for unit in console-getty.service getty.target; do ln -sfn /dev/null "$unit"; done
# Generators look at the host's hardware, kernel command line and init scripts.
for generator in /usr/lib/systemd/system-generators/*; do
  ln -sfn /dev/null "/etc/systemd/system-generators/\${generator##*/}"
done
`;
