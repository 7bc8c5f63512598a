// The first stage of the start: what opsd needs before it looks at any service, from its configuration to its lock.

import { oneLine } from '../config/report/problems.ts';
import type { Millis } from '../core/model/spec.ts';
import type { Problem } from '../errors.ts';
import { type Cgroups, detectCgroups, surroundings } from '../os/cgroup/cgroups.ts';
import { acquireLock } from '../os/files/lock.ts';
import { beginHeartbeat, type Layout, layoutOf, prepareDirectories, withoutLink } from '../os/files/run-dir.ts';
import { createLogger, type Log, type Logger } from '../os/own-log/logger.ts';
import { closeInherited, raiseDescriptorLimit } from '../os/proc/descriptors.ts';
import { createServiceManager, type ServiceManager } from '../os/systemd/service-manager.ts';
import { type Sockets, takeSockets } from '../os/systemd/sockets.ts';
import { plainPath } from '../os/trust/plain-path.ts';
import type { Clock } from '../runtime/clock.ts';
import { dateOf } from '../runtime/wall-time.ts';
import type { Masks } from '../text/masks.ts';
import { type FirstConfiguration, readFirst } from './first-configuration.ts';
import { tellOpen } from './watch/tcp-access.ts';

export interface HostOptions {
  readonly configFile: string;
  readonly prefix: string;
  readonly version: string;
  /** The file of this program, links followed. */
  readonly program: string;
  readonly clock: Clock;
  /** Whatever is wrong with the configuration, or with this host for it, refuses the start. */
  readonly isStrict: boolean;
  /** Called as soon as it is known what is secret, for whoever tells of the end. */
  readonly onSecrets: (masks: Masks) => void;
}

export interface Host extends FirstConfiguration {
  readonly clock: Clock;
  readonly version: string;
  readonly program: string;
  /** As it was given. */
  readonly configFile: string;
  readonly startedAt: Millis;
  readonly layout: Layout;
  /** opsd touches it each second; null: none. */
  readonly heartbeatFile: string | null;
  readonly log: Logger;
  readonly manager: ServiceManager;
  readonly sockets: Sockets;
  /** null: no cgroup was delegated to opsd. */
  readonly cgroups: Cgroups | null;
  /** Soft RLIMIT_NOFILE of services: the limit of opsd before opsd raised it for itself. */
  readonly baseNofile: number;
}

/** Throws ConfigError and RuntimeError. */
export async function openHost(options: HostOptions, stack: AsyncDisposableStack): Promise<Host> {
  const { clock, configFile, program, version } = options;
  const startedAt = clock.now();
  process.umask(0o022);
  const closed = closeInherited(process.env);
  const sockets = takeSockets(process.env);
  const workDir = process.cwd();
  const prefix = plainPath(workDir, options.prefix);
  const places = layoutOf(prefix, '');
  const names = [...sockets.byName.keys()];
  const asked = { clock, configFile, prefix, env: process.env, workDir, sockets: names };
  const configuration = readFirst(asked, places, options.isStrict);
  const { first, refused, isLaidOpen, secrets } = configuration;
  const { daemon, services } = first.config;
  options.onSecrets(secrets);
  // The link is followed once: what it leads to later is for the next opsd.
  const layout = { ...places, log: withoutLink(daemon.logDir) };
  prepareDirectories(layout);

  const log = stack.use(
    createLogger({
      level: daemon.logLevel,
      format: daemon.logFormat,
      masks: secrets,
      clock,
      journalStream: process.env.JOURNAL_STREAM,
    }),
  );
  stack.use(await acquireLock(layout.run, clock));
  log.info('opsd starts', { version, pid: process.pid, config: configFile, prefix, services: services.size });
  if (refused !== null) tellRefused(refused, log);
  if (isLaidOpen) tellOpen(log);
  for (const warning of first.warnings) log.warn('configuration', { problem: oneLine(warning) });
  for (const problem of first.hostProblems) log.error('this host', { problem: oneLine(problem) });
  if (closed.length > 0) log.info('closed descriptors that opsd had inherited', { descriptors: closed.join(',') });
  for (const [name, descriptors] of sockets.byName) log.info('given sockets', { name, count: descriptors.length });
  for (const trouble of sockets.troubles) log.warn(trouble);
  const silent = daemon.heartbeatFile === null ? null : beginHeartbeat(daemon.heartbeatFile, dateOf(clock.unix()));
  if (silent !== null) log.warn('opsd goes on without a heartbeat file of its own', { why: silent });
  const heartbeatFile = silent === null ? daemon.heartbeatFile : null;
  const manager = stack.use(createServiceManager(process.env, clock, (message) => log.warn(message)));
  const baseNofile = raiseDescriptorLimit(process.env);
  const { cgroups, description } = detectCgroups(surroundings(process.env), clock);
  log.info(description);
  return {
    ...configuration,
    clock,
    configFile,
    program,
    version,
    startedAt,
    layout,
    heartbeatFile,
    log,
    manager,
    sockets,
    cgroups,
    baseNofile,
  };
}

function tellRefused(problems: readonly Problem[], log: Log): void {
  const remedy = 'correct the files, then: opsd ctl reload';
  const what = 'the configuration is broken, and the one last in force goes on';
  log.critical(what, { problems: problems.length, remedy });
  for (const problem of problems) log.error('configuration', { problem: oneLine(problem) });
}
