// The last stage of the start: opsd answers, takes its services over, and obeys.

import type { Effect } from '../core/model/effects.ts';
import { startServers, whyCannotListen } from '../http/server/server.ts';
import { whyNextRefuses } from '../os/config/next-program.ts';
import type { Log } from '../os/own-log/logger.ts';
import { groupIdOf } from '../os/spawn/accounts.ts';
import { isUnitRestarting } from '../os/systemd/own-unit.ts';
import type { Clock } from '../runtime/clock.ts';
import { perform } from '../runtime/perform.ts';
import { ConfigWatch } from './configuration/config-watch.ts';
import { DaemonCommands } from './control/commands.ts';
import { Handover } from './control/handover.ts';
import { LastSignals } from './control/last-signals.ts';
import { MaskedCommands } from './control/masked-commands.ts';
import { MaskedQueries } from './control/masked-queries.ts';
import { DaemonQueries } from './control/queries.ts';
import type { Host } from './host.ts';
import type { Inheritance } from './inheritance.ts';
import type { Machine } from './machine.ts';
import { maskedEffect } from './report/masked.ts';
import type { SignalCommands } from './signals.ts';
import { takeOver } from './succession/take-over.ts';
import type { Supervision } from './supervise.ts';

interface Stages {
  readonly host: Host;
  readonly inheritance: Inheritance;
  readonly machine: Machine;
  readonly supervision: Supervision;
}

/** Throws RuntimeError when opsd cannot listen; no service is touched before it does. */
export async function serve(
  stages: Stages,
  { orders, stopsAll }: { readonly orders: SignalCommands; readonly stopsAll: boolean },
  stack: AsyncDisposableStack,
): Promise<void> {
  const { clock, first, log } = stages.host;
  const { configuration } = stages.supervision;
  const handover = new Handover({
    configuration,
    listensOn: first.config.daemon.http,
    whyCannotListen,
    askNext: () => whyNextRefuses(nextOf(stages.host)),
    log,
  });
  await answer(stages, handover, stack);
  // Before the configuration comes into force: nothing is started.
  if (stopsAll) stages.inheritance.loop.post({ type: 'shutdown', by: '--stop-all' });
  begin(stages);
  stack.use(
    new ConfigWatch(
      {
        isOn: () => configuration.current.daemon.watchConfig,
        files: () => configuration.files,
        reload: () => configuration.reload({ dryRun: false, allowEmpty: false }, 'watch_config'),
        warn: (message) => stages.host.log.warn(message),
      },
      clock,
    ),
  );
  obey(stages, handover, orders);
}

function nextOf({ clock, configFile, layout, program, startedAt }: Host): Parameters<typeof whyNextRefuses>[0] {
  return { program, prefix: layout.prefix, configFile, startedAt: clock.wallAt(startedAt).getTime() };
}

async function answer(stages: Stages, handover: Handover, stack: AsyncDisposableStack): Promise<void> {
  const { clock, first, layout, log, secrets } = stages.host;
  const { loop } = stages.inheritance;
  const { answers, configuration, keeper, tcpAccess } = stages.supervision;
  const { daemon } = first.config;
  const signals = new LastSignals();
  const wished = () => keeper.touch();
  const commands = new DaemonCommands({ loop, answers, configuration, handover, signals, wished });
  const servers = stack.use(
    await startServers({
      clock,
      queries: new MaskedQueries(newQueries(stages, signals), secrets),
      commands: new MaskedCommands(commands, secrets),
      hide: (text) => secrets.hide(text),
      socketPath: layout.socket,
      socketMode: daemon.socketMode,
      socketGid: daemon.socketGroup === null ? null : gidOf(daemon.socketGroup, log, clock),
      tcp: daemon.http,
      log: (level, message, fields) => log.component('http')[level](message, fields),
      pageLogs: () => configuration.current.daemon.pageLogs,
      certificates: tcpAccess.certificates,
      token: () => tcpAccess.token,
    }),
  );
  tcpAccess.guard(() => servers.dropTcp());
}

/** A missing group keeps its members from the socket, and nobody from being supervised. */
function gidOf(group: string, log: Log, clock: Clock): number | null {
  const gid = groupIdOf(group, clock.now());
  if (gid === null) {
    const remedy = 'make it, then: opsd ctl handover';
    log.critical('the group of the control socket is missing on this host: only opsd’s own user can use ctl', {
      group,
      remedy,
    });
  }
  return gid;
}

function newQueries({ host, inheritance, machine, supervision }: Stages, signals: LastSignals): DaemonQueries {
  const { findings, loop, outputs, recalled, written } = inheritance;
  const { book, timetable, usage } = supervision;
  const strays = recalled.strays.filter(({ step = 'main' }) => step === 'main');
  return new DaemonQueries({
    clock: host.clock,
    version: host.version,
    startedAt: host.startedAt,
    loop,
    signals,
    chronicle: supervision.chronicle,
    tally: supervision.tally,
    configuration: supervision.configuration,
    pulse: supervision.pulse,
    eventHooks: supervision.eventHooks,
    adoption: { adopted: findings.found.length - strays.length, stopped: recalled.strays.length },
    usageOf: (pid) => usage.of(pid),
    outputOf: (service) => written.of(service),
    jobOf: (service) => (supervision.isJob(service) ? book.of(service) : null),
    isHeld: supervision.isHeld,
    nextRunOf: (service) => timetable.nextOf(service),
    lastLines: (service) => outputs.lastLines(service),
    logOf: (service) => outputs.logOf(service),
    missingFolderOf: (service) => machine.ports.heartbeats.missingFolderOf(service),
    whyUnchecked: (service) => machine.ports.heartbeats.whyUnchecked(service),
    certificateEndsAt: () => supervision.tcpAccess.certificates?.current?.expiresAt ?? null,
    zombies: () => machine.orphans?.count ?? null,
  });
}

/** Everything that can go wrong at the start has not: now, and not before, services are touched. */
function begin({ host, inheritance, machine, supervision }: Stages): void {
  const { log, secrets } = host;
  const { findings, hangs, loop, outputs, recalled, report, specOf, trace } = inheritance;
  const { ports, signals } = machine;
  const { apply, configuration, keeper, teller } = supervision;
  const carryOut = (effect: Effect) => perform(maskedEffect(effect, secrets), ports, teller);
  ports.pidFiles.sweep(new Set(findings.inheritance.survivors.map(({ service }) => service)));
  takeOver(findings, recalled.strays, { processes: ports.processes, outputs, log, specOf });
  keeper.begin(ports.processes);
  signals.sweep();
  // After the adoption: a signal to a process that nobody knows yet would be lost.
  for (const effect of recalled.effects) carryOut(effect);
  apply(configuration.current, true);
  loop.begin({
    perform(_event, effects) {
      for (const effect of effects) {
        trace.effect(effect);
        carryOut(effect);
      }
    },
    onIdle: (state) => teller.settled(state),
  });
  hangs.begin(() => loop.state, report);
  teller.begin(loop.state);
  configuration.begin();
}

function obey(
  { host: { log }, inheritance, supervision: { configuration } }: Stages,
  handover: Handover,
  orders: SignalCommands,
): void {
  const { loop, outputs } = inheritance;
  orders.obey({
    // `systemctl restart` and `systemctl stop` send the same signal: the job of systemd tells which it was.
    shutdown: (signal) =>
      void isUnitRestarting().then((isRestart) => {
        if (isRestart) log.info('systemd restarts opsd: the services run on, and the next opsd takes over');
        loop.post({ type: isRestart ? 'handover' : 'shutdown', by: signal });
      }),
    handover: (signal) =>
      void handover.whyNot(signal).then((refusal) => {
        if (refusal === null) loop.post({ type: 'handover', by: signal });
      }),
    reload: (signal) => void configuration.reload({ dryRun: false, allowEmpty: false }, signal),
    reopen: (signal) => {
      outputs.reopenAll();
      log.info('log files reopened', { by: signal });
    },
  });
}
