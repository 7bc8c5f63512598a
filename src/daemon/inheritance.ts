// The second stage of the start: finds what an earlier opsd left, and makes the loop whose state begins with it.

import { adopt } from '../core/adoption/adopt.ts';
import { serviceOf } from '../core/fleet/ordering.ts';
import type { ServiceSpec } from '../core/model/spec.ts';
import { StateFile } from '../os/files/state-file.ts';
import { HangWatcher } from '../os/hang/hang-watcher.ts';
import { ServiceOutputs } from '../os/output/service-outputs.ts';
import { bootId } from '../os/proc/identity.ts';
import { timeProcReads } from '../os/procfs/proc-file.ts';
import { accountOf } from '../os/spawn/accounts.ts';
import { commandAs } from '../os/spawn/command-as.ts';
import { Loop } from '../runtime/loop.ts';
import type { Report } from '../runtime/ports.ts';
import type { Host } from './host.ts';
import { maskedEvent } from './report/masked.ts';
import { OutputCounters } from './report/output-counts.ts';
import { Trace } from './report/trace.ts';
import { fingerprintOf } from './succession/fingerprint.ts';
import { inspectPredecessor, type PredecessorFindings } from './succession/predecessor.ts';
import { Hangs } from './watch/hangs.ts';

interface Outlets {
  /** Watches for calls that a service makes hang. */
  readonly watcher: HangWatcher;
  readonly hangs: Hangs;
  readonly outputs: ServiceOutputs;
  /** Bytes that each service wrote. */
  readonly written: OutputCounters;
  /** The user id that a service runs as. */
  readonly uidOf: (spec: ServiceSpec) => number;
}

export interface Inheritance extends Outlets {
  readonly stateFile: StateFile;
  readonly findings: PredecessorFindings;
  readonly recalled: ReturnType<typeof adopt>;
  /** Has not begun: what is posted waits until it does. */
  readonly loop: Loop;
  readonly trace: Trace;
  /** Posts to the loop, with secrets masked. */
  readonly report: Report;
  /** The spec in force of a service. */
  readonly specOf: (service: string) => ServiceSpec | undefined;
}

export function inherit(host: Host, stack: AsyncDisposableStack): Inheritance {
  const { clock, first, layout, log, secrets, sockets, startedAt } = host;
  const outlets = openOutlets(host, stack);
  // The line after it may hang already: it opens the FIFOs of an earlier opsd.
  outlets.watcher.guard([...first.config.services.values()].map(outlets.uidOf));
  // Before anything else: the kernel keeps what a service has written only as long as somebody has its FIFO open.
  outlets.outputs.prepare([...first.config.services.values()]);
  const stateFile = new StateFile(layout.run, bootId(), log);
  const findings = inspectPredecessor(layout.run, first.config, stateFile, host.cgroups, sockets, log, clock);
  const seed = process.pid ^ Math.trunc(startedAt);
  const recalled = adopt(first.config, findings.inheritance, fingerprintOf, seed, clock.now());
  const loop = new Loop(recalled.state, clock);
  const trace = new Trace(log);
  const report: Report = (news) => {
    const event = maskedEvent(news, secrets);
    trace.event(event);
    loop.post(event);
  };
  const specOf = (service: string) => serviceOf(loop.state, service)?.spec;
  return { ...outlets, stateFile, findings, recalled, loop, trace, report, specOf };
}

function openOutlets({ clock, layout, log }: Host, stack: AsyncDisposableStack): Outlets {
  const written = new OutputCounters();
  const uidOf = ({ launch }: ServiceSpec) =>
    (launch.user === null ? null : accountOf(launch.user, clock.now())?.uid) ?? process.getuid?.() ?? 0;
  const watcher = stack.use(
    new HangWatcher({
      runDir: layout.run,
      clock,
      log: log.component('processes'),
      onHang: (hang) => hangs.note(hang),
    }),
  );
  const after = (began: number) => watcher.after(began);
  timeProcReads({ now: () => clock.now(), after });
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
      after,
    }),
  );
  const hangs = new Hangs({ runDir: layout.run, outputs, uidOf, clock, log });
  return { outputs, written, uidOf, watcher, hangs };
}
