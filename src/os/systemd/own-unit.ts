// Asks systemd about the unit that opsd runs as.

import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

type Property = 'Delegate' | 'LimitNOFILESoft' | 'MainPID' | 'NRestarts';
const PROPERTIES: readonly Property[] = ['Delegate', 'LimitNOFILESoft', 'MainPID', 'NRestarts'];
/** systemd answers in 10 ms or not at all. */
const LIMIT_MS = 2_000;

let asked: ReadonlyMap<string, string> | null = null;

/** null: opsd is no unit, or systemd does not answer. Asked once. */
export function unitProperty(name: Property): string | null {
  asked ??= ask();
  return asked.get(name) ?? null;
}

/**
 * Why systemd started opsd: `automatic`, by Restart= after the one before had ended; `asked`, by a job such as that of
 * `systemctl start` or `restart`. null: opsd is no unit's main process.
 */
export function startOfUnit(): 'automatic' | 'asked' | null {
  if (unitProperty('MainPID') !== String(process.pid)) return null;
  return Number(unitProperty('NRestarts')) > 0 ? 'automatic' : 'asked';
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

/** The innermost `*.service` in the text of /proc/PID/cgroup; null: the process is in no unit. */
export function ownUnit(cgroups: string): string | null {
  for (const line of cgroups.split('\n')) {
    const parts = line.split('/').reverse();
    const unit = parts.find((part) => part.endsWith('.service'));
    if (unit !== undefined) return unit;
  }
  return null;
}

/** The unit whose main process is opsd; null: there is none. A terminal session is within a unit, too, which is not opsd's. */
export async function unitOfOpsd(): Promise<string | null> {
  const unit = ownUnit(readFileSync('/proc/self/cgroup', 'latin1'));
  if (unit === null) return null;
  const main = await systemctl(['show', '--property=MainPID', '--value', '--', unit]);
  return main?.trim() === String(process.pid) ? unit : null;
}

/**
 * Has systemd stop the unit whose main process is opsd: it sends SIGTERM and does not start the unit again, as it would
 * after opsd exits by itself (`Restart=always`). Resolves to false if opsd is no unit's main process.
 */
export async function stopOwnUnit(): Promise<boolean> {
  const unit = await unitOfOpsd();
  return unit !== null && (await systemctl(['--no-block', 'stop', '--', unit])) !== null;
}

/**
 * Whether systemd ends the unit whose main process is opsd in order to start it again (`systemctl restart`). Never
 * rejects: where it cannot be known, as no descriptor is left, it is none.
 */
export async function isUnitRestarting(): Promise<boolean> {
  try {
    const unit = await unitOfOpsd();
    if (unit === null) return false;
    const jobs = await systemctl(['list-jobs', '--no-legend', '--no-pager', '--full', '--', unit]);
    return jobs !== null && jobOf(jobs, unit) === 'restart';
  } catch {
    return false;
  }
}

/** The type of the unit's running job in the text of `systemctl list-jobs`; null: it has none. */
export function jobOf(jobs: string, unit: string): string | null {
  for (const line of jobs.split('\n')) {
    const [, name, type, state] = line.trim().split(/\s+/);
    if (name === unit && state === 'running') return type ?? null;
  }
  return null;
}

/** The output of systemctl(1); null: it failed. */
function systemctl(args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const manager = process.getuid?.() === 0 ? '--system' : '--user';
    execFile('systemctl', [manager, ...args], { timeout: LIMIT_MS }, (error, stdout) =>
      resolve(error === null ? stdout : null),
    );
  });
}
