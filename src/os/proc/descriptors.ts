// The descriptors that opsd inherited without asking for them, and its limit of descriptors.

import { spawnSync } from 'node:child_process';
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { codeOf } from '../../errors.ts';
import { unitProperty } from '../systemd/own-unit.ts';

const O_CLOEXEC = 0o2000000;
/** The limit systemd gives a unit that sets none (DefaultLimitNOFILESoft=). */
const SYSTEMD_DEFAULT = 1024;

/**
 * Closes the descriptors that the parent left open and returns them. Node would pass them on to every service, which
 * would hold a lock or a pipe of the starting shell for as long as it lives (edge case N16). libuv marks inherited
 * descriptors O_CLOEXEC, but only up to the first gap above 15.
 */
export function closeInherited(environment: NodeJS.ProcessEnv): number[] {
  const kept = keptDescriptors(environment);
  const closed: number[] = [];
  for (const name of readdirSync('/proc/self/fdinfo')) {
    const descriptor = Number(name);
    if (descriptor < 3 || kept.has(descriptor) || !isInheritable(descriptor)) continue;
    try {
      closeSync(descriptor);
      closed.push(descriptor);
    } catch (error) {
      if (codeOf(error) !== 'EBADF') throw error;
    }
  }
  return closed;
}

/**
 * Descriptors to keep: the sockets of socket activation (sd_listen_fds(3)) and the channel to a parent that is Node.
 */
function keptDescriptors(environment: NodeJS.ProcessEnv): ReadonlySet<number> {
  const count = environment.LISTEN_PID === String(process.pid) ? Number(environment.LISTEN_FDS ?? 0) : 0;
  const kept = new Set(Array.from({ length: Math.min(count, 1024) || 0 }, (_, index) => 3 + index));
  if (environment.NODE_CHANNEL_FD !== undefined) kept.add(Number(environment.NODE_CHANNEL_FD));
  return kept;
}

function isInheritable(descriptor: number): boolean {
  try {
    const [, flags = '0'] =
      /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1')) ?? [];
    return (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false;
  }
}

interface DescriptorLimit {
  readonly soft: number;
  readonly hard: number;
}

/** RLIMIT_NOFILE of a process (/proc/PID/limits); null: it cannot be read. */
export function limitOf(pid: number | 'self'): DescriptorLimit | null {
  try {
    const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'latin1')) ?? [];
    return soft === undefined || hard === undefined ? null : { soft: Number(soft), hard: Number(hard) };
  } catch {
    return null;
  }
}

/**
 * Raises the soft limit of opsd to the hard one and returns the soft limit for services: the one that opsd was started
 * with. Node has raised it before any of our code runs, so it is taken from elsewhere: `OPSD_NOFILE` (set by a
 * launcher: `OPSD_NOFILE=$(ulimit -Sn)`), else the systemd unit, else the parent process.
 */
export function raiseDescriptorLimit(environment: NodeJS.ProcessEnv): number {
  const own = limitOf('self') ?? { soft: SYSTEMD_DEFAULT, hard: SYSTEMD_DEFAULT };
  if (own.soft < own.hard) spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${own.hard}:${own.hard}`]);
  return Math.min(originalLimit(environment) ?? own.soft, own.hard);
}

function originalLimit(environment: NodeJS.ProcessEnv): number | null {
  const told = environment.OPSD_NOFILE ?? '';
  if (/^[1-9][0-9]{0,9}$/.test(told)) return Number(told);
  if (environment.INVOCATION_ID !== undefined && isSystemd(process.ppid)) return limitOfUnit() ?? SYSTEMD_DEFAULT;
  return limitOf(process.ppid)?.soft ?? null;
}

function isSystemd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim() === 'systemd';
  } catch {
    return false;
  }
}

function limitOfUnit(): number | null {
  const text = unitProperty('LimitNOFILESoft') ?? '';
  return /^[1-9][0-9]*$/.test(text) ? Number(text) : null;
}
