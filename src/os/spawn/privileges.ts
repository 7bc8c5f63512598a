// The privileges of opsd: what the kernel lets it give to the processes that it starts, as read in /proc.

import { readFileSync } from 'node:fs';
import type { Privileges } from '../../config/check/host-facts.ts';
import { capabilitiesIn } from '../../config/values/privileges.ts';
import { limitOf } from '../proc/descriptors.ts';
import { inheritedOfSelf } from './inherited.ts';

/**
 * The kernel checks these capabilities in the initial user namespace: those of a rootless container have no effect.
 */
const WORTHLESS_ELSEWHERE = new Set(['CAP_SYS_RESOURCE', 'CAP_SYS_NICE', 'CAP_SYS_ADMIN']);

export function ownPrivileges(): Privileges {
  const status = readFileSync('/proc/self/status', 'latin1');
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const setOf = (name: string) => capabilitiesIn(new RegExp(`^${name}:\\t([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0');
  const effective = setOf('CapEff');
  const capabilities = isFirstNamespace() ? effective : effective.difference(WORTHLESS_ELSEWHERE);
  const { nice, oomScoreAdj } = inheritedOfSelf();
  const mayRaise = capabilities.has('CAP_SYS_RESOURCE');
  return {
    isRoot: process.geteuid?.() === 0,
    capabilities,
    bounding: setOf('CapBnd'),
    descriptors: lower(numberIn('/proc/sys/fs/nr_open'), mayRaise ? null : (limitOf('self')?.hard ?? null)),
    coreFile: mayRaise ? null : finite(/^Max core file size\s+\S+\s+(\d+)/m.exec(limits)?.[1]),
    nice: { own: nice, lowest: capabilities.has('CAP_SYS_NICE') ? -20 : Math.min(nice, niceLimit(limits)) },
    oomScoreAdj: { own: oomScoreAdj, lowest: mayRaise ? -1000 : oomScoreAdj },
  };
}

/** RLIMIT_NICE is 20 minus the lowest nice value (getrlimit(2)). */
function niceLimit(limits: string): number {
  const [, soft = '0'] = /^Max nice priority\s+(\S+)/m.exec(limits) ?? [];
  return soft === 'unlimited' ? -20 : 20 - Number(soft);
}

/** The initial user namespace maps each user id to itself (user_namespaces(7)). */
function isFirstNamespace(): boolean {
  try {
    return /^\s*0\s+0\s+4294967295$/m.test(readFileSync('/proc/self/uid_map', 'latin1'));
  } catch {
    // The kernel has no user namespaces.
    return true;
  }
}

function lower(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/** undefined: the limit reads `unlimited`. */
function finite(digits: string | undefined): number | null {
  return digits === undefined ? null : Number(digits);
}

function numberIn(path: string): number | null {
  try {
    const number = Number(readFileSync(path, 'latin1'));
    return Number.isSafeInteger(number) && number > 0 ? number : null;
  } catch {
    return null;
  }
}
