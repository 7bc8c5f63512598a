// Privileges that opsd cannot give to a service: its start would fail, so the configuration is refused.

import type { Launch } from '../../core/model/spec.ts';
import { formatSize } from '../../text/units.ts';
import type { Privileges } from './host-facts.ts';

interface MissingPrivilege {
  /** The key, relative to the service. */
  readonly path: readonly [string, ...string[]];
  /** The part of the value at fault, which is the subject of the message; null: the whole value. */
  readonly part: string | null;
  readonly message: string;
}

export function missingPrivileges(launch: Launch, privileges: Privileges): readonly MissingPrivilege[] {
  return [
    ...missingForLimits(launch, privileges),
    ...missingForCapabilities(launch, privileges),
    ...missingForIoPriority(launch, privileges),
  ];
}

/** Why opsd cannot start services as another user; null: it can. */
export function whyNoOtherUser({ isRoot, capabilities }: Privileges): string | null {
  if (!isRoot) return 'only root can start a service as another user or group; run opsd as root, or remove this';
  const missing = ['CAP_SETUID', 'CAP_SETGID'].find((name) => !capabilities.has(name));
  if (missing === undefined) return null;
  return `opsd has no ${missing} here, and can start nothing as another user or group; ${remedyOf(missing)}`;
}

/** How to give opsd a capability. */
export function remedyOf(capability: string): string {
  return `run opsd as root with it (docker run --cap-add=${capability.replace('CAP_', '')}), or remove this`;
}

function missingForLimits({ limits }: Launch, privileges: Privileges): readonly MissingPrivilege[] {
  const { descriptors, coreFile } = privileges;
  const found: MissingPrivilege[] = [];
  if (limits.nofile !== null && descriptors !== null && limits.nofile > descriptors) {
    const most = `opsd can give at most ${descriptors} here`;
    const message = privileges.capabilities.has('CAP_SYS_RESOURCE')
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

/** Only CAP_SYS_RESOURCE raises a hard limit (setrlimit(2)). */
const HARD_LIMIT = ', its own hard limit, without CAP_SYS_RESOURCE';

function missingForCapabilities({ capabilities }: Launch, privileges: Privileges): readonly MissingPrivilege[] {
  if (capabilities === null) return [];
  const path = ['capabilities'] as const;
  if (!privileges.isRoot) {
    const message = 'only root can choose the capabilities of a service; run opsd as root, or remove this';
    return [{ path, part: null, message }];
  }
  // Without CAP_SETPCAP setpriv(1) would leave the service all capabilities, without an error.
  if (!privileges.capabilities.has('CAP_SETPCAP')) {
    const message = `opsd has no CAP_SETPCAP here, and can take no capability away; ${remedyOf('CAP_SETPCAP')}`;
    return [{ path, part: null, message }];
  }
  return capabilities
    .filter((name) => !privileges.bounding.has(name))
    .map((name) => ({
      path,
      part: name,
      message: `is not among those that opsd can give here (CapBnd in /proc/self/status); ${remedyOf(name)}`,
    }));
}

/** ioprio_set(2): the class realtime needs one of the two capabilities. */
function missingForIoPriority({ ionice }: Launch, { capabilities }: Privileges): readonly MissingPrivilege[] {
  if (ionice?.class !== 'realtime' || capabilities.has('CAP_SYS_NICE') || capabilities.has('CAP_SYS_ADMIN')) return [];
  const message = `opsd has no CAP_SYS_NICE here, and cannot give the class realtime; ${remedyOf('CAP_SYS_NICE')}`;
  return [{ path: ['ionice'], part: null, message }];
}
