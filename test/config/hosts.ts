// Hosts that lack something that a service with many wishes needs.

import type { Facts, Privileges } from '../../src/config/check/host-facts.ts';
import { ALL_POWERS, NO_POWERS } from './loading.ts';

export const EVERYTHING = `user = "web"
group = "www"
cwd = "/srv/web"
ionice = "realtime:1"
nice = -5
oom_score_adj = -5
capabilities = ["CAP_NET_RAW", "CAP_CHOWN"]
limits = { nofile = 2048, core = "2G", memory = "2G", memory_high = "1G", cpu = "200%", tasks = 9, io_weight = 9 }
sockets = ["web"]
heartbeat = { timeout = "30s", file = "beat" }
schedule = "@daily"
ready = { on = "log", pattern = "a+" }
restart = "never"`;

/** What is so of a host, in words, and in the answers to the checks. */
export function hosts(): Readonly<Record<string, Partial<Facts>>> {
  const privileges = (changes: Partial<Privileges>): Partial<Facts> => ({
    privileges: () => ({ ...ALL_POWERS, ...changes }),
  });
  const without = (...names: readonly string[]) =>
    privileges({ capabilities: new Set([...ALL_POWERS.capabilities].filter((name) => !names.includes(name))) });
  return {
    'as it should be': {},
    'no folder': { look: () => 'missing' },
    'closed folders': { look: () => 'closed' },
    'files for folders': { look: () => 'other' },
    'no program': { whyNotExecutable: (file, cwd) => `${file} cannot be executed in ${cwd}` },
    'no such user': { hasUser: () => false },
    'no such group': { hasGroup: () => false },
    'opsd is that user': { isSelf: () => true },
    'its user may not': {
      whyUserMayNot: (_, questions) => questions.map(() => ({ isOfFolder: false, why: 'no; do' })),
    },
    'its user may not enter': {
      whyUserMayNot: (_, questions) => questions.map(() => ({ isOfFolder: true, why: 'no' })),
    },
    'a prefix of somebody': { doubtOnPrefix: () => 'belongs to somebody' },
    'a log folder of somebody': { doubtOnFolder: () => 'belongs to somebody' },
    'never due': { whyNotSchedule: () => 'is never due' },
    'a slow pattern': { isLinear: () => false },
    'little memory': { capacity: () => ({ memory: 2 ** 30, cpus: null }) },
    'less memory': { capacity: () => ({ memory: 2 ** 30 - 1, cpus: 2 }) },
    'one CPU': { capacity: () => ({ memory: 2 ** 40, cpus: 1 }) },
    'no cgroups': { hasCgroups: () => false },
    'no sockets': { sockets: () => [] },
    'other sockets': { sockets: () => ['wbe'] },
    'these sockets': { sockets: () => ['web'] },
    'not root': { privileges: () => NO_POWERS },
    'few descriptors': privileges({ descriptors: 2047 }),
    'enough descriptors': privileges({ descriptors: 2048 }),
    'few descriptors and no CAP_SYS_RESOURCE': {
      privileges: () => ({ ...(without('CAP_SYS_RESOURCE').privileges?.() ?? ALL_POWERS), descriptors: 10 }),
    },
    'no core files': privileges({ coreFile: 0 }),
    'small core files': privileges({ coreFile: 2 ** 30 }),
    'core files of that size': privileges({ coreFile: 2 ** 31 }),
    'no CAP_SETUID': without('CAP_SETUID'),
    'no CAP_SETGID': without('CAP_SETGID'),
    'no CAP_SETPCAP': without('CAP_SETPCAP'),
    'no CAP_SYS_NICE': without('CAP_SYS_NICE'),
    'no CAP_SYS_ADMIN': without('CAP_SYS_ADMIN'),
    'neither of both': without('CAP_SYS_NICE', 'CAP_SYS_ADMIN'),
    'few to give': privileges({ bounding: new Set(['CAP_CHOWN']) }),
    'niceness from -4': privileges({ nice: { own: 0, lowest: -4 }, oomScoreAdj: { own: 1, lowest: -4 } }),
    'niceness from -5': privileges({ nice: { own: 0, lowest: -5 }, oomScoreAdj: { own: 1, lowest: -5 } }),
  };
}
