// The first stage of the start: what opsd needs before it looks at any service, from its configuration to its lock.

import { headlineOf, oneLine } from '../config/report/problems.ts';
import type { Millis } from '../core/model/spec.ts';
import { ConfigError } from '../errors.ts';
import { type Cgroups, detectCgroups, surroundings } from '../os/cgroup/cgroups.ts';
import { type ReadResult, readConfig } from '../os/config/files.ts';
import { acquireLock } from '../os/files/lock.ts';
import { type Layout, layoutOf, prepareDirectories } from '../os/files/run-dir.ts';
import { scalePath } from '../os/files/scale-file.ts';
import { createLogger, type Logger } from '../os/own-log/logger.ts';
import { closeInherited, raiseDescriptorLimit } from '../os/proc/descriptors.ts';
import { createServiceManager, type ServiceManager } from '../os/systemd/service-manager.ts';
import { type Sockets, takeSockets } from '../os/systemd/sockets.ts';
import { plainPath } from '../os/trust/plain-path.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Masks } from '../text/masks.ts';
import { Scale } from './configuration/scale.ts';
import { SecretsInForce } from './configuration/secrets-in-force.ts';

export interface HostOptions {
  readonly configFile: string;
  readonly prefix: string;
  readonly version: string;
  readonly clock: Clock;
  /** Called as soon as it is known what is secret, for whoever tells of the end. */
  readonly onSecrets: (masks: Masks) => void;
}

/** The configuration that opsd starts with, and how the next one is read. */
interface FirstConfiguration {
  readonly first: ReadResult & { readonly ok: true };
  readonly read: (allowEmpty: boolean) => ReadResult;
  readonly scale: Scale;
  readonly secrets: SecretsInForce;
}

export interface Host extends FirstConfiguration {
  readonly clock: Clock;
  readonly version: string;
  readonly startedAt: Millis;
  readonly layout: Layout;
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
  const { clock, version } = options;
  const startedAt = clock.now();
  process.umask(0o022);
  const closed = closeInherited(process.env);
  const sockets = takeSockets(process.env);
  const workDir = process.cwd();
  const prefix = plainPath(workDir, options.prefix);
  const configuration = readFirst(options, prefix, workDir, sockets);
  const { first, secrets } = configuration;
  const { daemon, services } = first.config;
  options.onSecrets(secrets);
  const layout = layoutOf(prefix, daemon.logDir, workDir);
  prepareDirectories(layout);

  const log = stack.use(createLogger({ level: daemon.logLevel, format: daemon.logFormat, masks: secrets, clock }));
  stack.use(await acquireLock(layout.run, clock));
  log.info('opsd starts', { version, pid: process.pid, config: options.configFile, prefix, services: services.size });
  for (const warning of first.warnings) log.warn('configuration', { problem: oneLine(warning) });
  if (closed.length > 0) log.info('closed descriptors that opsd had inherited', { descriptors: closed.join(',') });
  for (const [name, descriptors] of sockets.byName) log.info('given sockets', { name, count: descriptors.length });
  for (const trouble of sockets.troubles) log.warn(trouble);
  const manager = stack.use(createServiceManager(process.env, clock, (message) => log.warn(message)));
  const baseNofile = raiseDescriptorLimit(process.env);
  const { cgroups, description } = detectCgroups(surroundings(process.env), clock);
  log.info(description);
  return { ...configuration, clock, version, startedAt, layout, log, manager, sockets, cgroups, baseNofile };
}

function readFirst(
  { configFile, clock }: HostOptions,
  prefix: string,
  workDir: string,
  sockets: Sockets,
): FirstConfiguration {
  const scale = new Scale(scalePath(prefix));
  const read = (allowEmpty: boolean) =>
    readConfig({
      clock,
      configFile,
      prefix,
      env: process.env,
      workDir,
      allowEmpty,
      scale: scale.counts,
      sockets: [...sockets.byName.keys()],
    });
  const first = scale.first(() => read(true));
  if (!first.ok) throw new ConfigError(headlineOf(configFile, first.problems), first.problems);
  return { first, read, scale, secrets: new SecretsInForce(first.masks, clock) };
}
