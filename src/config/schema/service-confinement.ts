// The rows of limits and privileges: what a service may use, and what it may do.

import type { Limits } from '../../core/model/spec.ts';
import { formatSize } from '../../text/units.ts';
import {
  formatCpuShare,
  formatIoPriority,
  readCapabilities,
  readCoreLimit,
  readCpuShare,
  readIoPriority,
} from '../values/privileges.ts';
import { readSocketNames } from '../values/socket-name.ts';
import { command, flag, integer, optional, preset, reading, STRINGS_JSON, size, table } from './forms.ts';
import { formsOf, orNull, same, section } from './rows.ts';
import { launch, ofLaunch } from './service-rows.ts';

const asSize = (bytes: number | null) => (bytes === null ? null : formatSize(bytes));

/** The smallest that a process can start with. */
const LEAST_MEMORY = 1024 ** 2;

function showCore({ core }: Limits): unknown {
  if (typeof core !== 'number') return core;
  return core > 0 ? formatSize(core) : '0';
}

const LIMITS = {
  nofile: ofLaunch(
    'limits',
    'Open files (RLIMIT_NOFILE). Default: as opsd was started with.',
    optional(integer(3, 1_073_741_816)),
    { show: (limits) => limits.nofile },
  ),
  core: ofLaunch(
    'limits',
    'Size of a core file (RLIMIT_CORE): "0" for none, or "unlimited".',
    optional(reading({ title: 'size', type: ['string', 'integer'], examples: ['0', 'unlimited'] }, readCoreLimit)),
    { show: showCore },
  ),
  memory: ofLaunch(
    'limits',
    'Memory of the whole tree. Its cgroup enforces it; without one opsd watches it, and restarts the service.',
    optional(size(LEAST_MEMORY)),
    { show: (limits) => asSize(limits.memory) },
  ),
  memory_high: ofLaunch(
    'limits',
    'More than that makes it slow (cgroup only, as are the next ones).',
    optional(size(LEAST_MEMORY)),
    { show: (limits) => asSize(limits.memoryHigh) },
  ),
  cpu: ofLaunch(
    'limits',
    'Share of one CPU: "150%" is one and a half.',
    optional(reading({ title: 'percentage', type: 'string', pattern: '^\\d+(\\.\\d+)?%$' }, readCpuShare)),
    { show: (limits) => (limits.cpu === null ? null : formatCpuShare(limits.cpu)) },
  ),
  tasks: ofLaunch('limits', 'Processes and threads.', optional(integer(1, 4_194_304)), {
    show: (limits) => limits.tasks,
  }),
  io_weight: ofLaunch(
    'limits',
    'Share of the disks: from 1 to 10000, where 100 is usual.',
    optional(integer(1, 10_000)),
    { show: (limits) => limits.ioWeight },
  ),
};

export const CONFINEMENT = {
  limits: section('What it may use at most, with all its processes.', LIMITS, preset(table(formsOf(LIMITS)), {})),
  ionice: launch(
    'ionice',
    orNull,
    'I/O priority: idle, best-effort:0 to best-effort:7, realtime:0 to realtime:7.',
    optional(
      reading(
        { title: 'class:level', type: 'string', pattern: '^(idle|(best-effort|realtime)(:[0-7])?)$' },
        readIoPriority,
      ),
    ),
    { show: (ionice) => (ionice === null ? null : formatIoPriority(ionice)) },
  ),
  no_new_privileges: launch(
    'noNewPrivileges',
    same,
    'No set-user-ID program gives it more rights than it has.',
    preset(flag(), false),
    // An unset key is left out of the fingerprint: otherwise an upgrade to the version that adds a key would restart every
    // service.
    { show: (isSet) => isSet || null },
  ),
  capabilities: launch(
    'capabilities',
    orNull,
    'All the capabilities it has and can ever get, such as ["CAP_NET_BIND_SERVICE"]. Default: as its user has them.',
    optional(reading(STRINGS_JSON, readCapabilities)),
  ),
  sockets: launch(
    'sockets',
    same,
    'Listening sockets of .socket units of systemd, by FileDescriptorName=: it gets them as descriptors 3, 4, … (sd_listen_fds(3)).',
    preset(reading(STRINGS_JSON, readSocketNames), []),
    { show: (names) => (names.length === 0 ? null : names) },
  ),
  wrapper: launch(
    'wrapper',
    (words) => words ?? [],
    'A command in front, which executes the service: ["bwrap", …]. It is not in front of probes (health.exec, ready.command) and hooks (before_start, after_stop).',
    optional(command()),
    { show: (words) => (words.length === 0 ? null : words) },
  ),
};
