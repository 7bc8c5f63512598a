// What systemd says of the unit that opsd runs as.

import { execFile, spawnSync } from 'node:child_process';
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

/**
 * Has systemd stop the unit whose main process we are: it then sends SIGTERM, and does not start the unit again, as it
 * would after an exit of our own (`Restart=always`). Resolves to false where we are no unit's main process.
 */
export async function stopOwnUnit(): Promise<boolean> {
  const unit = ownUnit(readFileSync('/proc/self/cgroup', 'latin1'));
  if (unit === null) return false;
  const manager = process.getuid?.() === 0 ? '--system' : '--user';
  // A terminal in somebody's session is within a unit too, and that is not ours to stop.
  const main = await systemctl([manager, 'show', '--property=MainPID', '--value', '--', unit]);
  if (main?.trim() !== String(process.pid)) return false;
  return (await systemctl([manager, '--no-block', 'stop', '--', unit])) !== null;
}

/** What it printed; null: it failed. */
function systemctl(args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile('systemctl', [...args], { timeout: LIMIT_MS }, (error, stdout) => resolve(error === null ? stdout : null));
  });
}
