// What opsd has no right to give to a service: its start could only fail, and is refused before it is tried.

import type { Launch } from '../../core/model/spec.ts';
import { formatSize } from '../../text/units.ts';
import type { Privileges } from './host-facts.ts';

interface MissingPrivilege {
  /** The key, below the service. */
  readonly path: readonly [string, ...string[]];
  /** The part of the value that is at fault, where it is not all of it: the message goes on from there. */
  readonly part: string | null;
  readonly message: string;
}

export function missingPrivileges(launch: Launch, powers: Privileges): readonly MissingPrivilege[] {
  return [
    ...missingForLimits(launch, powers),
    ...missingForCapabilities(launch, powers),
    ...missingForIoPriority(launch, powers),
  ];
}

/** Why opsd can start nothing as somebody else; null: it can. */
export function whyNoOtherUser({ isRoot, capabilities }: Privileges): string | null {
  if (!isRoot) return 'only root can start a service as another user or group; run opsd as root, or remove this';
  const missing = ['CAP_SETUID', 'CAP_SETGID'].find((name) => !capabilities.has(name));
  if (missing === undefined) return null;
  return `opsd has no ${missing} here, and can start nothing as another user or group; ${remedyOf(missing)}`;
}

/** How to come by a capability. */
export function remedyOf(capability: string): string {
  return `run opsd as root with it (docker run --cap-add=${capability.replace('CAP_', '')}), or remove this`;
}

function missingForLimits({ limits }: Launch, powers: Privileges): readonly MissingPrivilege[] {
  const { descriptors, coreFile } = powers;
  const found: MissingPrivilege[] = [];
  if (limits.nofile !== null && descriptors !== null && limits.nofile > descriptors) {
    const most = `opsd can give at most ${descriptors} here`;
    const message = powers.capabilities.has('CAP_SYS_RESOURCE')
      ? `${most}; raise fs.nr_open (sysctl), or lower it`
      : `${most}${HARD_LIMIT}; raise that limit (LimitNOFILE= of its unit, docker run --ulimit nofile=…), or lower it`;
    found.push({ path: ['limits', 'nofile'], part: null, message });
  }
  if (limits.core !== null && coreFile !== null && (limits.core === 'unlimited' || limits.core > coreFile)) {
    const most = `opsd can give at most ${coreFile === 0 ? '"0"' : formatSize(coreFile)} here`;
    const message = `${most}${HARD_LIMIT}; raise that limit (LimitCORE= of its unit, docker run --ulimit core=…), or lower it`;
    found.push({ path: ['limits', 'core'], part: null, message });
  }
  return found;
}

/** A hard limit is raised by CAP_SYS_RESOURCE only (setrlimit(2)). */
const HARD_LIMIT = ', its own hard limit, without CAP_SYS_RESOURCE';

function missingForCapabilities({ capabilities }: Launch, powers: Privileges): readonly MissingPrivilege[] {
  if (capabilities === null) return [];
  const path = ['capabilities'] as const;
  if (!powers.isRoot) {
    const message = 'only root can choose the capabilities of a service; run opsd as root, or remove this';
    return [{ path, part: null, message }];
  }
  // setpriv(1) would say nothing, and leave it all the others.
  if (!powers.capabilities.has('CAP_SETPCAP')) {
    const message = `opsd has no CAP_SETPCAP here, and can take no capability away; ${remedyOf('CAP_SETPCAP')}`;
    return [{ path, part: null, message }];
  }
  return capabilities
    .filter((name) => !powers.bounding.has(name))
    .map((name) => ({
      path,
      part: name,
      message: `is not among those that opsd can give here (CapBnd in /proc/self/status); ${remedyOf(name)}`,
    }));
}

/** ioprio_set(2): either of the two will do. */
function missingForIoPriority({ ionice }: Launch, { capabilities }: Privileges): readonly MissingPrivilege[] {
  if (ionice?.class !== 'realtime' || capabilities.has('CAP_SYS_NICE') || capabilities.has('CAP_SYS_ADMIN')) return [];
  const message = `opsd has no CAP_SYS_NICE here, and cannot give the class realtime; ${remedyOf('CAP_SYS_NICE')}`;
  return [{ path: ['ionice'], part: null, message }];
}
