// The sockets that systemd gives to the opsd of this host: `opsd check` asks for them, as it inherits none itself.

import { spawnSync } from 'node:child_process';

/** The name that `make install` gives the unit. */
const UNIT = 'opsd.service';
/** systemd answers in 10 ms or not at all. */
const LIMIT_MS = 2_000;

/** FileDescriptorName= of each .socket unit of opsd; null: opsd is no unit here, or systemd does not answer. */
export function namesInSocketUnits(): readonly string[] | null {
  const unit = show(['LoadState', 'TriggeredBy'], [UNIT]);
  if (unit === null || !/^LoadState=loaded$/m.test(unit)) return null;
  const [, triggers = ''] = /^TriggeredBy=(.*)$/m.exec(unit) ?? [];
  const sockets = triggers.split(' ').filter((name) => name.endsWith('.socket'));
  if (sockets.length === 0) return [];
  const told = show(['FileDescriptorName'], sockets);
  if (told === null) return null;
  return [...told.matchAll(/^FileDescriptorName=(.+)$/gm)].map(([, name = '']) => name);
}

/** null: systemd could not be asked. */
function show(properties: readonly string[], units: readonly string[]): string | null {
  const manager = process.getuid?.() === 0 ? '--system' : '--user';
  const args = [manager, 'show', `--property=${properties.join(',')}`, '--', ...units];
  const { status, stdout } = spawnSync('systemctl', args, { timeout: LIMIT_MS, encoding: 'utf8' });
  return status === 0 ? stdout : null;
}
