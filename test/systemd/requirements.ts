// Whether a real systemd can be booted here, and if not, what is missing.

import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, rmdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

const SBIN = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const CGROUP2_MAGIC = 0x63677270;

/** One line that says why not, or null. */
export function whyNoContainer(): string | null {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'it needs root';
  const missing = packagesMissing({
    'systemd-nspawn': 'systemd-container',
    'dbus-daemon': 'dbus',
    unshare: 'util-linux',
    nsenter: 'util-linux',
    setpriv: 'util-linux',
  });
  if (missing) return missing;
  if (cgroupTrees().length === 0) return 'there is no cgroup v2 tree on /sys/fs/cgroup or /sys/fs/cgroup/unified';
  for (const tree of cgroupTrees()) {
    const group = join(tree, `opsd-systemd-${process.pid}`);
    if (!works(() => mkdirSync(group)) || !works(() => rmdirSync(group))) return `no cgroup can be made in ${tree}`;
  }
  if (!works(() => execFileSync('unshare', [...IN_OWN_NAMESPACE, 'true'], { stdio: 'ignore' }))) {
    return 'a mount namespace of our own is not permitted';
  }
  if (!works(() => execFileSync('unshare', [...IN_OWN_NAMESPACE, 'sh', '-c', OVERLAY], { stdio: 'ignore' }))) {
    return 'the root file system cannot be overlaid (no overlayfs in this kernel, or we are in a container)';
  }
  return null;
}

const IN_OWN_NAMESPACE = ['--mount', '--propagation', 'private', '--'];
const OVERLAY = `mount -t tmpfs probe /mnt && mkdir /mnt/up /mnt/work /mnt/root &&
  mount -t overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work probe /mnt/root`;

function works(what: () => unknown): boolean {
  try {
    what();
    return true;
  } catch {
    return false;
  }
}

/** The same for the virtual machine, on top of what the container needs. */
export function whyNoVirtualMachine(): string | null {
  const missing = packagesMissing({ 'linux.uml': 'user-mode-linux', insmod: 'kmod', switch_root: 'util-linux' });
  if (missing) return missing;
  return overlayModule() === null
    ? 'overlay.ko is missing below /usr/lib/uml: apt-get install --reinstall user-mode-linux'
    : null;
}

/** The kernel module that the guest needs for its own root. */
export function overlayModule(): string | null {
  const modules = '/usr/lib/uml/modules';
  try {
    const found = readdirSync(modules, { recursive: true, encoding: 'utf8' }).find((path) =>
      path.endsWith('/overlay.ko'),
    );
    return found === undefined ? null : join(modules, found);
  } catch {
    return null;
  }
}

/** Roots of the cgroup trees that a systemd wants: v2, and beside it systemd's own of v1 where the host has that. */
export function cgroupTrees(): string[] {
  if (isCgroup2('/sys/fs/cgroup')) return ['/sys/fs/cgroup'];
  if (!isCgroup2('/sys/fs/cgroup/unified')) return [];
  const own = '/sys/fs/cgroup/systemd';
  return ['/sys/fs/cgroup/unified', ...(readdirSync('/sys/fs/cgroup').includes('systemd') ? [own] : [])];
}

function isCgroup2(path: string): boolean {
  return works(() => statfsSync(path)) && statfsSync(path).type === CGROUP2_MAGIC;
}

function packagesMissing(programs: Record<string, string>): string | null {
  const missing = Object.entries(programs).filter(([program]) => !isInPath(program));
  if (missing.length === 0) return null;
  const packages = new Set(missing.map(([, name]) => name));
  return `${missing.map(([program]) => program).join(', ')} missing: apt-get install -y ${[...packages].join(' ')}`;
}

function isInPath(program: string): boolean {
  return SBIN.split(':').some((folder) => works(() => accessSync(join(folder, program), constants.X_OK)));
}
