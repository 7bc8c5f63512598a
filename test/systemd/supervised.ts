// opsd on a machine: services that write down what they did, and what can be seen of them from outside.

import { strict as assert } from 'node:assert';
import type { ServiceView, StatusView } from '../../src/api/services.ts';
import type { Machine } from './machine.ts';

/** Says `line 1`, `line 2` … fifty times a second. */
const COUNTER = `#!/bin/sh
n=0
while :; do n=$((n + 1)); echo "line $n"; sleep 0.02; done
`;

/** A leader, a child in its group, and one that left the group and ignores SIGTERM. */
const FAMILY = `#!/bin/sh
sleep 1001 &
setsid sh -c 'trap "" TERM; while :; do sleep 1; done' &
wait
`;

export const COUNTER_SERVICE = '[services.counter]\ncommand = ["/srv/data/app/counter"]\n';
export const FAMILY_SERVICE = '[services.family]\ncommand = ["/srv/data/app/family"]\nstop_timeout = "1s"\n';
export const SLEEPER_SERVICE = '[services.sleeper]\ncommand = ["sleep", "1000"]\n';

/** Puts a configuration in place of the shipped one. */
export async function configure(host: Machine, ...services: string[]): Promise<void> {
  await host.write('/srv/data/app/counter', COUNTER);
  await host.write('/srv/data/app/family', FAMILY);
  await host.sh('chmod 0755 /srv/data/app /srv/data/app/*');
  const daemon = services.some((text) => text.includes('[daemon]')) ? '' : '[daemon]\nhttp = ""\n';
  await host.write('/srv/opsd/cfg/config.toml', `${daemon}[defaults]\ncwd = "/srv/data/app"\n${services.join('\n')}`);
}

/** Overrides for the unit, as `systemctl edit` makes them. */
export async function editUnit(host: Machine, lines: string): Promise<void> {
  await host.write('/etc/systemd/system/opsd.service.d/override.conf', `[Service]\n${lines}\n`);
  await host.sh('systemctl daemon-reload');
}

export async function status(host: Machine): Promise<StatusView> {
  return JSON.parse(await host.sh('opsd ctl status --json'));
}

/** The service by name, which there must be. */
export async function service(host: Machine, name: string): Promise<ServiceView> {
  const found = (await status(host)).services.find((each) => each.name === name);
  assert.ok(found, `opsd knows no service ${name}`);
  return found;
}

/** As systemd sees the unit. */
export async function unit(host: Machine, property: string): Promise<string> {
  return await host.sh(`systemctl show opsd --property=${property} --value`);
}

/** PID of the daemon; never 0. */
export async function daemonPid(host: Machine): Promise<number> {
  return await host.until('a running daemon', async () => Number(await unit(host, 'MainPID')));
}

/** A daemon other than `before` that systemd and its own control socket agree on. */
export async function nextDaemon(host: Machine, before: number, limitMs?: number): Promise<StatusView> {
  return await host.until(
    'the next daemon',
    async () => {
      const { code, stdout } = await host.run('opsd ctl status --json');
      if (code !== 0) return false;
      const view: StatusView = JSON.parse(stdout);
      const isUp = (await unit(host, 'ActiveState')) === 'active';
      return isUp && view.daemon.pid !== before && view.daemon.pid === (await daemonPid(host)) && view;
    },
    limitMs,
  );
}

/** Command lines of all processes that carry opsd's marker or are in its unit, the daemon among them. */
export async function processes(host: Machine): Promise<string[]> {
  const script = `for dir in /proc/[0-9]*; do
    if grep -qsz '^OPSD_MARKER=' $dir/environ || grep -qs '/opsd\\.service' $dir/cgroup; then
      line=$(tr '\\0' ' ' <$dir/cmdline 2>/dev/null) && [ -n "$line" ] && echo "\${dir#/proc/} $line"
    fi
  done; true`;
  return (await host.sh(script)).split('\n').filter(Boolean);
}

/** The numbers in the log of `counter`; fails at the first that is not one more than the one before. */
export async function countedLines(host: Machine): Promise<number> {
  const text = await host.sh('cat /srv/opsd/log/counter.log');
  const lines = text.split('\n').filter(Boolean);
  // The last line may be half written yet.
  for (const [i, line] of lines.slice(0, -1).entries()) {
    assert.equal(line, `line ${i + 1}`, `line ${i + 1} of the log, after: ${lines.slice(Math.max(0, i - 3), i)}`);
  }
  return lines.length - 1;
}

/** Waits until the log has that many more lines than now, each once and in order. */
export async function moreLines(host: Machine, more: number): Promise<void> {
  const now = await countedLines(host);
  await host.until(`${more} more lines`, async () => (await countedLines(host)) >= now + more);
}
