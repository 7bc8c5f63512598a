// Checks of limits and privileges that the host, or opsd as it runs here, cannot give.

import type { ServiceSpec } from '../../core/model/spec.ts';
import { formatSize } from '../../text/units.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings } from '../report/problems.ts';
import { REDACTED } from '../report/redaction.ts';
import type { Facts } from './host-facts.ts';
import { missingPrivileges, remedyOf } from './missing-privileges.ts';

/** Limits that need a cgroup. */
const CGROUP_ONLY = [
  ['memory_high', 'memoryHigh'],
  ['cpu', 'cpu'],
  ['tasks', 'tasks'],
  ['io_weight', 'ioWeight'],
] as const;

export function checkLimits({ launch }: ServiceSpec, locate: Locate, facts: Facts, findings: Findings): void {
  const { limits } = launch;
  const { memory, cpus } = facts.capacity();
  if (limits.memory !== null && limits.memoryHigh !== null && limits.memoryHigh > limits.memory) {
    findings.problem(locate(['limits', 'memory_high']), 'is more than limits.memory, and so never reached; lower it');
  }
  for (const [key, bytes] of [
    ['memory', limits.memory],
    ['memory_high', limits.memoryHigh],
  ] as const) {
    if (bytes === null || memory === null || bytes <= memory) continue;
    findings.warning(locate(['limits', key]), `is more than this host has (${formatSize(memory)}); lower it`);
  }
  if (limits.cpu !== null && cpus !== null && limits.cpu > cpus) {
    findings.warning(locate(['limits', 'cpu']), `is more than this host has (${cpus * 100}%); lower it`);
  }
  if (facts.hasCgroups()) return;
  for (const [key, name] of CGROUP_ONLY) {
    if (limits[name] === null) continue;
    findings.warning(locate(['limits', key]), 'needs cgroups (version 2), and this host has none: it is not enforced');
  }
}

/** Privileges without which every start would fail. */
export function checkPrivileges({ name, launch }: ServiceSpec, locate: Locate, facts: Facts, findings: Findings): void {
  for (const { path, part, message } of missingPrivileges(launch, facts.privileges())) {
    const place = locate(path);
    const subject = part === null ? '' : `${place.isSecret ? REDACTED : part} `;
    findings.host(place, `${subject}${message}`, name);
  }
}

/** Only warnings: a service whose nice or oom_score_adj cannot be set runs all the same, with a line in its log. */
export function checkPriorities(spec: ServiceSpec, locate: Locate, facts: Facts, findings: Findings): void {
  const { launch, effective } = spec;
  const { nice, oomScoreAdj } = facts.privileges();
  for (const [key, wanted, { own, lowest }, capability] of [
    ['nice', launch.nice, nice, 'CAP_SYS_NICE'],
    ['oom_score_adj', launch.oomScoreAdj, oomScoreAdj, 'CAP_SYS_RESOURCE'],
  ] as const) {
    // A default has no place in a file to report.
    if (wanted >= lowest || effective.get(key)?.source === 'default') continue;
    const message = `opsd has no ${capability} here, and can set none below ${lowest}: the service runs with ${own}, as opsd does`;
    findings.warning(locate([key]), `${message}; ${remedyOf(capability)}`);
  }
}
