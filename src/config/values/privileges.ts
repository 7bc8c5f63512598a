// Reads privileges and limits of a process: I/O priority, capabilities, CPU share, core files.

import type { IoPriority } from '../../core/model/spec.ts';
import { didYouMean } from '../../text/nearest.ts';
import { parseSize, type Reading } from '../../text/units.ts';

const CLASSES = ['realtime', 'best-effort', 'idle'] as const;
/** ioprio_set(2): the default level of a process. */
const USUAL_LEVEL = 4;

/** Reads `idle`, `best-effort`, `best-effort:7`, `realtime:0`. */
export function readIoPriority(input: unknown): Reading<IoPriority> {
  const expected = '"idle", "best-effort" or "realtime", the last two with a level from 0 to 7: "best-effort:7"';
  if (typeof input !== 'string') return { ok: false, expected };
  const [, name = '', level] = /^([^:]*)(?::([0-7]))?$/.exec(input) ?? [];
  const found = CLASSES.find((one) => one === name);
  if (found === undefined) return { ok: false, expected, hint: didYouMean(name, CLASSES) };
  if (found !== 'idle') return { ok: true, value: { class: found, level: Number(level ?? USUAL_LEVEL) } };
  return level === undefined ? { ok: true, value: { class: found, level: null } } : { ok: false, expected };
}

export function formatIoPriority({ class: name, level }: IoPriority): string {
  return level === null ? name : `${name}:${level}`;
}

/** capabilities(7), as of Linux 5.9, in the order of their numbers. */
const CAPABILITIES = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...['LINUX_IMMUTABLE', 'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER'],
  ...['SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE'],
  ...['SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP'],
  ...['MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF'],
  ...['CHECKPOINT_RESTORE'],
].map((name) => `CAP_${name}`);

/** The names of a capability set of proc_pid_status(5), a mask in hexadecimal digits. */
export function capabilitiesIn(mask: string): ReadonlySet<string> {
  const bits = BigInt(`0x${mask}`);
  return new Set(CAPABILITIES.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n));
}

/** Reads `CAP_NET_BIND_SERVICE` or `net_bind_service`; returns full names, each once, in the kernel's order. */
export function readCapabilities(input: unknown): Reading<readonly string[]> {
  const expected = 'a list of capabilities such as ["CAP_NET_BIND_SERVICE"]';
  if (!Array.isArray(input)) return { ok: false, expected };
  const wanted = new Set<string>();
  for (const word of input) {
    if (typeof word !== 'string') return { ok: false, expected };
    const name = `CAP_${word.toUpperCase().replace(/^CAP_/, '')}`;
    if (!CAPABILITIES.includes(name)) return { ok: false, expected, hint: didYouMean(name, CAPABILITIES) };
    wanted.add(name);
  }
  return { ok: true, value: CAPABILITIES.filter((name) => wanted.has(name)) };
}

/** 10,000 CPUs. */
const MOST_PERCENT = 1_000_000;

/** Reads `150%` as 1.5, of one CPU. */
export function readCpuShare(input: unknown): Reading<number> {
  const expected = 'a share of one CPU such as "150%"';
  const [, percent] = typeof input === 'string' ? (/^(\d+(?:\.\d+)?)%$/.exec(input) ?? []) : [];
  if (percent === undefined) return { ok: false, expected };
  // cpu.max is set in milliseconds of each 100, so that less than 1 % would be 0.
  if (Number(percent) < 1 || Number(percent) > MOST_PERCENT)
    return { ok: false, expected: `${expected}, at least "1%"` };
  return { ok: true, value: Number(percent) / 100 };
}

export function formatCpuShare(share: number): string {
  return `${Math.round(share * 1e6) / 1e4}%`;
}

/** Reads `"0"`, `"100M"` (in bytes), `"unlimited"`. */
export function readCoreLimit(input: unknown): Reading<number | 'unlimited'> {
  if (input === 'unlimited') return { ok: true, value: 'unlimited' };
  if (input === 0 || input === '0') return { ok: true, value: 0 };
  const size = parseSize(input);
  return size.ok ? size : { ok: false, expected: '"0" for no core file, a size such as "100M", or "unlimited"' };
}
