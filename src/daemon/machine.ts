// The third stage of the start: the ports, which act on processes and files of this host and report to the loop.

import { ServicePidFiles } from '../os/files/pid-files.ts';
import type { ServiceOutputs } from '../os/output/service-outputs.ts';
import { Leftovers } from '../os/processes/leftovers.ts';
import { Orphans } from '../os/processes/orphans.ts';
import { ServiceProcesses } from '../os/processes/processes.ts';
import { ReadySignals } from '../os/readiness/ready-signals.ts';
import { LaunchPlanner } from '../os/spawn/launch-plan.ts';
import { loadPosixSpawner } from '../os/spawn/posix-spawner.ts';
import type { Spawner } from '../os/spawn/spawner.ts';
import { NO_SOCKETS } from '../os/systemd/sockets.ts';
import { BackgroundStat } from '../os/watch/background-stat.ts';
import { HeartbeatFiles } from '../os/watch/heartbeats.ts';
import { HostLooks } from '../os/watch/host-looks.ts';
import { ServiceProbes } from '../os/watch/probes.ts';
import type { Ports } from '../runtime/perform.ts';
import type { Host } from './host.ts';
import type { Inheritance } from './inheritance.ts';

interface MachinePorts extends Ports {
  readonly processes: ServiceProcesses;
  readonly pidFiles: ServicePidFiles;
  readonly heartbeats: HeartbeatFiles;
  readonly outputs: ServiceOutputs;
}

export interface Machine {
  readonly ports: MachinePorts;
  readonly signals: ReadySignals;
  readonly leftovers: Leftovers;
  readonly looks: HostLooks;
  /** null: opsd is not PID 1. */
  readonly orphans: Orphans | null;
}

export async function buildMachine(
  host: Host,
  { outputs, report, specOf, uidOf }: Inheritance,
  stack: AsyncDisposableStack,
): Promise<Machine> {
  const { baseNofile, cgroups, clock, log, sockets } = host;
  const runDir = host.layout.run;
  const complain = (line: string) => log.component('processes').warn(line);
  const logFile = (service: string) => outputs.logFile(service);
  const signals = stack.use(new ReadySignals({ report, runDir, logFile, clock }));
  const spawner = stack.use(loadPosixSpawner() ?? new (await import('../os/spawn/execa-spawner.ts')).ExecaSpawner());
  const orphans = reapOrphans(spawner, host, stack);
  const processes = stack.use(
    new ServiceProcesses({
      spawner,
      report,
      runDir,
      outputs,
      log: complain,
      cgroups,
      baseNofile,
      sockets,
      signals,
      clock,
    }),
  );
  const leftovers = stack.use(new Leftovers({ table: processes.table, clock, log: complain }));
  const backgroundStat = new BackgroundStat(clock);
  const heartbeats = new HeartbeatFiles(
    report,
    (service) => {
      const spec = specOf(service);
      return spec === undefined ? null : uidOf(spec);
    },
    clock,
    backgroundStat,
  );
  const pidFiles = stack.use(new ServicePidFiles(runDir, log, clock));
  // What no cgroup holds was told at the start of the service.
  const planner = new LaunchPlanner({ runDir, cgroups: null, baseNofile, sockets: NO_SOCKETS, clock, log: () => {} });
  const probes = stack.use(new ServiceProbes({ report, specOf, runDir, planner, leftovers, spawner, clock }));
  const looks = new HostLooks(backgroundStat, clock);
  return { ports: { processes, outputs, pidFiles, heartbeats, probes }, signals, leftovers, orphans, looks };
}

function reapOrphans({ reapOrphan }: Spawner, { clock, log }: Host, stack: AsyncDisposableStack): Orphans | null {
  if (process.pid !== 1) return null;
  if (reapOrphan === null) {
    log.warn('opsd is PID 1 and reaps no orphans: run it under an init (docker run --init, tini), or zombies pile up');
  }
  return stack.use(new Orphans(reapOrphan, clock));
}
