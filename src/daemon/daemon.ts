// The composition root: puts the parts of the daemon together, and takes them apart again in the opposite order.

import { resolve } from 'node:path';
import { headlineOf, oneLine } from '../config/report/problems.ts';
import { adopt } from '../core/adoption/adopt.ts';
import { savedServices } from '../core/adoption/saved-service.ts';
import { serviceOf } from '../core/fleet/ordering.ts';
import type { Config } from '../core/model/config.ts';
import type { ServiceSpec } from '../core/model/spec.ts';
import { ConfigError } from '../errors.ts';
import { startServers } from '../http/server/server.ts';
import { detectCgroups, surroundings } from '../os/cgroup/cgroups.ts';
import { readConfig } from '../os/config/files.ts';
import { JobHistory } from '../os/files/job-history.ts';
import { acquireLock } from '../os/files/lock.ts';
import { ServicePidFiles } from '../os/files/pid-files.ts';
import { layoutOf, prepareDirectories } from '../os/files/run-dir.ts';
import { scalePath } from '../os/files/scale-file.ts';
import { StateFile } from '../os/files/state-file.ts';
import { ServiceOutputs } from '../os/output/service-outputs.ts';
import { createLogger } from '../os/own-log/logger.ts';
import { closeInherited, raiseDescriptorLimit } from '../os/proc/descriptors.ts';
import { bootId } from '../os/proc/identity.ts';
import { Leftovers } from '../os/processes/leftovers.ts';
import { Orphans } from '../os/processes/orphans.ts';
import { treeKey } from '../os/processes/process-tree.ts';
import { ServiceProcesses } from '../os/processes/processes.ts';
import { treesMemory } from '../os/processes/tree-memory.ts';
import { ReadySignals } from '../os/readiness/ready-signals.ts';
import { accountOf } from '../os/spawn/accounts.ts';
import { commandAs } from '../os/spawn/command-as.ts';
import { LaunchPlanner } from '../os/spawn/launch-plan.ts';
import { loadPosixSpawner } from '../os/spawn/posix-spawner.ts';
import { createServiceManager } from '../os/systemd/service-manager.ts';
import { NO_SOCKETS, takeSockets } from '../os/systemd/sockets.ts';
import { deliver } from '../os/watch/event-hooks.ts';
import { HeartbeatFiles } from '../os/watch/heartbeats.ts';
import { ServiceProbes } from '../os/watch/probes.ts';
import type { Clock } from '../runtime/clock.ts';
import { Loop } from '../runtime/loop.ts';
import { perform } from '../runtime/perform.ts';
import type { Masks } from '../text/masks.ts';
import { ConfigWatch } from './configuration/config-watch.ts';
import { Configuration } from './configuration/configuration.ts';
import { Scale } from './configuration/scale.ts';
import { livingIn, SecretsInForce } from './configuration/secrets-in-force.ts';
import { DaemonCommands } from './control/commands.ts';
import { LastSignals } from './control/last-signals.ts';
import { MaskedCommands } from './control/masked-commands.ts';
import { MaskedQueries } from './control/masked-queries.ts';
import { DaemonQueries } from './control/queries.ts';
import { EventHooks } from './hooks/event-hooks.ts';
import { Answers } from './report/answers.ts';
import { Counters } from './report/counters.ts';
import { EventHistory } from './report/event-history.ts';
import { maskedDelivery, maskedEffect, maskedEvent } from './report/masked.ts';
import { OutputCounters } from './report/output-counts.ts';
import { Reporter } from './report/reporter.ts';
import { Trace } from './report/trace.ts';
import type { SignalCommands } from './signals.ts';
import { fingerprintOf } from './succession/fingerprint.ts';
import { inspectPredecessor } from './succession/predecessor.ts';
import { StateKeeper } from './succession/state-keeper.ts';
import { takeOver } from './succession/take-over.ts';
import { Liveness } from './watch/liveness.ts';
import { MemoryWatch } from './watch/memory-watch.ts';
import { JobScheduler } from './watch/scheduler.ts';
import { TcpAccess } from './watch/tcp-access.ts';
import { UsageWatch } from './watch/usage-watch.ts';

interface DaemonOptions {
  readonly configFile: string;
  readonly prefix: string;
  readonly version: string;
  readonly clock: Clock;
  /** Heard from the very start; obeyed as soon as there is something to obey with. */
  readonly orders: SignalCommands;
  /** Called as soon as it is known what is secret, for whoever tells of the end. */
  readonly onSecrets: (masks: Masks) => void;
}

/** Supervises until it is told to stop or to hand over; gives the exit code. Throws ConfigError and RuntimeError. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const { configFile, prefix: givenPrefix, version, clock, orders } = options;
  const startedAt = clock.now();
  process.umask(0o022);
  const closed = closeInherited(process.env);
  const sockets = takeSockets(process.env);
  const workDir = process.cwd();
  const prefix = resolve(givenPrefix);
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
  const { config } = first;
  const secrets = new SecretsInForce(first.masks, clock);
  options.onSecrets(secrets);
  const layout = layoutOf(prefix, config.daemon.logDir, workDir);
  prepareDirectories(layout);

  await using stack = new AsyncDisposableStack();
  const { promise: over, resolve: end } = Promise.withResolvers<number>();
  const log = stack.use(
    createLogger({ level: config.daemon.logLevel, format: config.daemon.logFormat, masks: secrets, clock }),
  );
  stack.use(await acquireLock(layout.run, clock));
  log.info('opsd starts', { version, pid: process.pid, config: configFile, prefix, services: config.services.size });
  for (const warning of first.warnings) log.warn('configuration', { problem: oneLine(warning) });
  if (closed.length > 0) log.info('closed descriptors that opsd had inherited', { descriptors: closed.join(',') });
  for (const [name, descriptors] of sockets.byName) log.info('given sockets', { name, count: descriptors.length });
  for (const trouble of sockets.troubles) log.warn(trouble);
  const manager = stack.use(createServiceManager(process.env, clock, (message) => log.warn(message)));
  const baseNofile = raiseDescriptorLimit(process.env);
  const { cgroups, description } = detectCgroups(surroundings(process.env), clock);
  log.info(description);
  const trace = new Trace(log);
  const report = (news: Parameters<Loop['post']>[0]) => {
    const event = maskedEvent(news, secrets);
    trace.event(event);
    loop.post(event);
  };
  const written = new OutputCounters();
  const uidOf = ({ launch }: ServiceSpec) =>
    (launch.user === null ? null : accountOf(launch.user, clock.now())?.uid) ?? process.getuid?.() ?? 0;
  const outputs = stack.use(
    new ServiceOutputs({
      runDir: layout.run,
      logDir: layout.log,
      uidOf,
      commandAs: (uid, command) => commandAs(uid, command, clock.now()),
      clock,
      onBytes: (service, bytes) => written.wrote(service, bytes),
      onDropped: (service, bytes) => written.dropped(service, bytes),
      log: log.component('output'),
    }),
  );
  const signals = stack.use(
    new ReadySignals({ report, runDir: layout.run, logFile: (service) => outputs.logFile(service), clock }),
  );
  const spawner = stack.use(loadPosixSpawner() ?? new (await import('../os/spawn/execa-spawner.ts')).ExecaSpawner());
  const orphans = process.pid === 1 ? stack.use(new Orphans(spawner.reapOrphan, clock)) : null;
  if (orphans !== null && spawner.reapOrphan === null) {
    log.warn('opsd is PID 1 and reaps no orphans: run it under an init (docker run --init, tini), or zombies pile up');
  }
  const processes = stack.use(
    new ServiceProcesses({
      spawner,
      report,
      runDir: layout.run,
      outputs,
      log: (line) => log.component('processes').warn(line),
      cgroups,
      baseNofile,
      sockets,
      signals,
      clock,
    }),
  );
  const specOf = (service: string) => serviceOf(loop.state, service)?.spec;
  const leftovers = stack.use(
    new Leftovers({ table: processes.table, clock, log: (line) => log.component('processes').warn(line) }),
  );
  const heartbeats = new HeartbeatFiles(
    report,
    (service) => {
      const spec = specOf(service);
      return spec === undefined ? null : uidOf(spec);
    },
    clock,
  );
  const ports = {
    processes,
    outputs,
    pidFiles: stack.use(new ServicePidFiles(layout.run, log, clock)),
    heartbeats,
    probes: stack.use(
      new ServiceProbes({
        report,
        specOf,
        runDir: layout.run,
        // What no cgroup holds was told at the start of the service.
        planner: new LaunchPlanner({
          runDir: layout.run,
          cgroups: null,
          baseNofile,
          sockets: NO_SOCKETS,
          clock,
          log: () => {},
        }),
        leftovers,
        spawner,
        clock,
      }),
    ),
  };

  // Before anything else: the kernel keeps what a service has written only as long as somebody has its FIFO open.
  outputs.prepare([...config.services.values()]);
  const stateFile = new StateFile(layout.run, bootId(), log);
  const findings = inspectPredecessor(layout.run, config, stateFile, cgroups, sockets, log, clock);
  const { inheritance } = findings;
  const seed = process.pid ^ Math.trunc(startedAt);
  const recalled = adopt(config, inheritance, fingerprintOf, seed, clock.now());

  const book = new JobHistory(layout.data, log);
  const chronicle = new EventHistory(clock);
  const tally = new Counters();
  const hookLog = log.component('hooks');
  const eventHooks = stack.use(
    new EventHooks(config.daemon.onEvent, {
      clock,
      deliver: async (...news) =>
        maskedDelivery(await deliver(...news, { runDir: layout.run, leftovers, clock }), secrets),
      warn: hookLog.warn,
    }),
  );
  chronicle.listen((event) => eventHooks.note(event));
  const keeper = stack.use(
    new StateKeeper(
      stateFile,
      () =>
        savedServices(loop.state, fingerprintOf).map((each) => ({
          ...each,
          lastDetail: secrets.hide(each.lastDetail),
        })),
      clock,
    ),
  );
  const answers = stack.use(new Answers(() => keeper.saveNow(), clock));
  const isJob = (service: string) => {
    const policy = serviceOf(loop.state, service)?.spec.policy;
    return policy !== undefined && (policy.schedule !== null || policy.restart !== 'always');
  };
  const teller = new Reporter({
    clock,
    log,
    chronicle,
    tally,
    answers,
    manager,
    touch: () => keeper.touch(),
    save: () => void keeper.saveNow(),
    book,
    isJob,
    recovered: (service) => eventHooks.recovered(service),
    forget: (service) => {
      written.forget(service);
      eventHooks.forget(service);
    },
    end,
  });
  const loop: Loop = stack.use(
    new Loop(
      recalled.state,
      {
        perform: (_event, effects) => {
          for (const effect of effects) {
            trace.effect(effect);
            perform(maskedEffect(effect, secrets), ports, teller);
          }
        },
        onIdle: (state) => teller.settled(state),
      },
      clock,
    ),
  );
  const apply = (next: Config, isFirst: boolean) => {
    outputs.prepare([...next.services.values()]);
    loop.post({ type: 'configured', config: next, isFirst });
  };
  const tcpAccess = stack.use(new TcpAccess(config.daemon, log, clock));
  const configuration = new Configuration(
    first,
    read,
    (next, masks) => {
      secrets.replace(masks, livingIn(loop.state));
      manager.reloading();
      log.setLevel(next.daemon.logLevel);
      eventHooks.configure(next.daemon.onEvent);
      tcpAccess.configure(next.daemon);
      apply(next, false);
      manager.ready();
    },
    () => loop.state.phase.name !== 'running',
    scale,
    log,
    clock,
  );
  const usage = stack.use(new UsageWatch(() => loop.state, clock));
  const isHeld = (service: string, generation: number) => cgroups?.holdsMemory(service, generation) ?? false;
  const memoryWatch = new MemoryWatch({
    state: () => loop.state,
    async measure(generations) {
      const members = await processes.membersOf(generations);
      return members && (await treesMemory(members));
    },
    keyOf: treeKey,
    isHeld,
    post: report,
    clock,
  });
  stack.use(memoryWatch);
  const timetable = stack.use(new JobScheduler(() => loop.state, report, book, Math.random, clock));
  const pulse = stack.use(
    new Liveness(loop, resolve(layout.tmp, 'opsd.heartbeat'), clock, () => manager.watchdog.ping()),
  );
  const adopted = findings.found.length - recalled.strays.filter(({ step = 'main' }) => step === 'main').length;
  const lastSignals = new LastSignals();
  const commands = new DaemonCommands({
    loop,
    answers,
    configuration,
    signals: lastSignals,
    wished: () => keeper.touch(),
  });
  const queries = new DaemonQueries({
    clock,
    version,
    startedAt,
    loop,
    signals: lastSignals,
    chronicle,
    tally,
    configuration,
    pulse,
    eventHooks,
    adoption: { adopted, stopped: recalled.strays.length },
    usageOf: (pid) => usage.of(pid),
    outputOf: (service) => written.of(service),
    jobOf: (service) => (isJob(service) ? book.of(service) : null),
    isHeld,
    nextRunOf: (service) => timetable.nextOf(service),
    lastLines: (service) => outputs.lastLines(service),
    logOf: (service) => outputs.logOf(service),
    missingFolderOf: (service) => heartbeats.missingFolderOf(service),
    whyUnchecked: (service) => heartbeats.whyUnchecked(service),
    zombies: () => orphans?.count ?? null,
  });
  const servers = stack.use(
    await startServers({
      clock,
      queries: new MaskedQueries(queries, secrets),
      commands: new MaskedCommands(commands, secrets),
      hide: (text) => secrets.hide(text),
      socketPath: layout.socket,
      socketMode: config.daemon.socketMode,
      socketGroup: config.daemon.socketGroup,
      tcp: config.daemon.http,
      log: (level, message, fields) => log.component('http')[level](message, fields),
      pageLogs: () => configuration.current.daemon.pageLogs,
      certificates: tcpAccess.certificates,
      token: () => tcpAccess.token,
    }),
  );

  tcpAccess.guard(() => servers.dropTcp());

  // Everything that can go wrong at the start has not: now, and not before, services are touched.
  ports.pidFiles.sweep(new Set(inheritance.survivors.map(({ service }) => service)));
  takeOver(findings, recalled.strays, { processes, outputs, log, specOf });
  keeper.begin(processes);
  signals.sweep();
  // After the adoption: a signal to a process that nobody knows yet would be lost.
  for (const effect of recalled.effects) perform(maskedEffect(effect, secrets), ports, teller);
  apply(configuration.current, true);
  loop.begin();
  teller.begin(loop.state);
  stack.use(
    new ConfigWatch(
      () => configuration.current.daemon.watchConfig,
      () => configuration.files,
      () => configuration.reload({ dryRun: false, allowEmpty: false }, 'watch_config'),
      clock,
    ),
  );
  orders.obey({
    shutdown: (signal) => loop.post({ type: 'shutdown', by: signal }),
    handover: (signal) => loop.post({ type: 'handover', by: signal }),
    reload: (signal) => void configuration.reload({ dryRun: false, allowEmpty: false }, signal),
    reopen: (signal) => {
      outputs.reopenAll();
      log.info('log files were opened anew', { by: signal });
    },
  });
  return await over;
}
