// What systemd says of the unit that opsd runs as.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

type Property = 'Delegate' | 'LimitNOFILESoft';
const PROPERTIES: readonly Property[] = ['Delegate', 'LimitNOFILESoft'];
/** systemd answers in 10 ms or not at all. */
const LIMIT_MS = 2_000;

let asked: ReadonlyMap<string, string> | null = null;

/** null: we are no unit, or systemd does not tell. Asked once. */
export function unitProperty(name: Property): string | null {
  asked ??= ask();
  return asked.get(name) ?? null;
}

function ask(): ReadonlyMap<string, string> {
  const unit = ownUnit(readFileSync('/proc/self/cgroup', 'latin1'));
  if (unit === null) return new Map();
  const manager = process.getuid?.() === 0 ? '--system' : '--user';
  const answer = spawnSync('systemctl', [manager, 'show', `--property=${PROPERTIES.join(',')}`, '--', unit], {
    timeout: LIMIT_MS,
  });
  if (answer.status !== 0) return new Map();
  const lines = answer.stdout.toString().trim().split('\n');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

/** The innermost `*.service` in the text of /proc/PID/cgroup; null: not within a unit. */
export function ownUnit(cgroups: string): string | null {
  for (const line of cgroups.split('\n')) {
    const parts = line.split('/').reverse();
    const unit = parts.find((part) => part.endsWith('.service'));
    if (unit !== undefined) return unit;
  }
  return null;
}
