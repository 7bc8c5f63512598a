// The fourth stage of the start: who is told of each change, what opsd looks at again and again, and the configuration
// in force.

import { savedServices } from '../core/adoption/saved-service.ts';
import { serviceOf } from '../core/fleet/ordering.ts';
import type { Config } from '../core/model/config.ts';
import { JobHistory } from '../os/files/job-history.ts';
import { treeKey } from '../os/processes/process-tree.ts';
import { treesMemory } from '../os/processes/tree-memory.ts';
import { deliver } from '../os/watch/event-hooks.ts';
import { Configuration } from './configuration/configuration.ts';
import { livingIn } from './configuration/secrets-in-force.ts';
import { EventHooks } from './hooks/event-hooks.ts';
import type { Host } from './host.ts';
import type { Inheritance } from './inheritance.ts';
import type { Machine } from './machine.ts';
import { Answers } from './report/answers.ts';
import { Counters } from './report/counters.ts';
import { EventHistory } from './report/event-history.ts';
import { maskedDelivery } from './report/masked.ts';
import { Reporter } from './report/reporter.ts';
import { fingerprintOf } from './succession/fingerprint.ts';
import { StateKeeper } from './succession/state-keeper.ts';
import { HostWatch } from './watch/host-watch.ts';
import { Liveness } from './watch/liveness.ts';
import { MemoryWatch } from './watch/memory-watch.ts';
import { JobScheduler } from './watch/scheduler.ts';
import { TcpAccess } from './watch/tcp-access.ts';
import { UsageWatch } from './watch/usage-watch.ts';

interface Observers {
  readonly book: JobHistory;
  readonly chronicle: EventHistory;
  readonly tally: Counters;
  readonly eventHooks: EventHooks;
  readonly keeper: StateKeeper;
  readonly answers: Answers;
  readonly teller: Reporter;
  readonly isJob: (service: string) => boolean;
}

interface Watches {
  readonly usage: UsageWatch;
  readonly timetable: JobScheduler;
  readonly pulse: Liveness;
  /** Whether the kernel holds this generation to its limit of memory. */
  readonly isHeld: (service: string, generation: number) => boolean;
}

export interface Supervision extends Observers, Watches {
  readonly tcpAccess: TcpAccess;
  readonly configuration: Configuration;
  /** Brings a configuration into force. */
  readonly apply: (next: Config, isFirst: boolean) => void;
}

/** `end` is called with the exit code when opsd is to end. */
export function supervise(
  host: Host,
  inheritance: Inheritance,
  machine: Machine,
  end: (code: number) => void,
  stack: AsyncDisposableStack,
): Supervision {
  const { clock, first, lastInForce, log, manager, read, refused, scale, secrets } = host;
  const { loop, outputs, uidOf, watcher } = inheritance;
  const observers = observe(host, inheritance, machine, end, stack);
  // Disposed before the keeper of the state, which saves what the loop ended with.
  stack.use(loop);
  const apply = (next: Config, isFirst: boolean) => {
    watcher.guard([...next.services.values()].map(uidOf));
    outputs.prepare([...next.services.values()]);
    loop.post({ type: 'configured', config: next, isFirst });
  };
  const tcpAccess = stack.use(new TcpAccess(first.config.daemon, log, clock));
  const configuration = new Configuration({
    first,
    refused,
    read,
    keep: (kept) => lastInForce.keep(kept, log),
    apply(next, masks) {
      secrets.replace(masks, livingIn(loop.state));
      manager.reloading();
      log.setLevel(next.daemon.logLevel);
      observers.eventHooks.configure(next.daemon.onEvent);
      tcpAccess.configure(next.daemon);
      apply(next, false);
      watches.timetable.reread();
      manager.ready();
    },
    state: () => loop.state,
    scale,
    log,
    clock,
  });
  const watches = watch(host, inheritance, machine, observers.book, stack);
  const { processes } = machine.ports;
  stack.use(
    new HostWatch({
      state: () => loop.state,
      inspect: (spec) => processes.inspect(spec),
      mayStart: (spec) => processes.mayUserExecute(spec),
      looks: machine.looks,
      refresh: (services) => configuration.refresh(services),
      post: inheritance.report,
      clock,
    }),
  );
  return { ...observers, ...watches, tcpAccess, configuration, apply };
}

function observe(
  { clock, first, layout, log, manager, secrets }: Host,
  { loop, stateFile, written }: Inheritance,
  { leftovers }: Machine,
  end: (code: number) => void,
  stack: AsyncDisposableStack,
): Observers {
  const book = new JobHistory(layout.data, log);
  const chronicle = new EventHistory(clock);
  const tally = new Counters();
  const eventHooks = stack.use(
    new EventHooks(first.config.daemon.onEvent, {
      clock,
      deliver: async (...news) =>
        maskedDelivery(await deliver(...news, { runDir: layout.run, leftovers, clock }), secrets),
      warn: log.component('hooks').warn,
    }),
  );
  chronicle.listen((event) => eventHooks.note(event));
  const memories = () =>
    savedServices(loop.state, fingerprintOf).map((each) => ({ ...each, lastDetail: secrets.hide(each.lastDetail) }));
  const keeper = stack.use(new StateKeeper(stateFile, memories, clock));
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
    health: (...news) => eventHooks.health(...news),
    forget(service) {
      written.forget(service);
      eventHooks.forget(service);
    },
    end,
  });
  return { book, chronicle, tally, eventHooks, keeper, answers, teller, isJob };
}

function watch(
  { cgroups, clock, heartbeatFile, manager }: Host,
  { loop, report }: Inheritance,
  { ports: { processes } }: Machine,
  book: JobHistory,
  stack: AsyncDisposableStack,
): Watches {
  const state = () => loop.state;
  const isHeld = (service: string, generation: number) => cgroups?.holdsMemory(service, generation) ?? false;
  const usage = stack.use(new UsageWatch(state, clock));
  stack.use(
    new MemoryWatch({
      state,
      async measure(generations) {
        const members = await processes.membersOf(generations);
        return members && (await treesMemory(members));
      },
      keyOf: treeKey,
      isHeld,
      post: report,
      clock,
    }),
  );
  const timetable = stack.use(new JobScheduler(state, report, book, Math.random, clock));
  const pulse = stack.use(new Liveness(loop, heartbeatFile, clock, () => manager.watchdog.ping()));
  return { usage, timetable, pulse, isHeld };
}
