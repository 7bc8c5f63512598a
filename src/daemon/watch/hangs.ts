// What is done when the watcher tells that a service's user held opsd: his services end, and he cannot do it again for now.

import { join } from 'node:path';
import type { ServiceSpec } from '../../core/model/spec.ts';
import type { State } from '../../core/model/state.ts';
import type { Hang } from '../../os/hang/hang-watcher.ts';
import type { Log } from '../../os/own-log/logger.ts';
import { withhold } from '../../os/procfs/withheld.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Report } from '../../runtime/ports.ts';

interface HangsOptions {
  readonly runDir: string;
  readonly outputs: { abandon(service: string): void };
  readonly uidOf: (spec: ServiceSpec) => number;
  readonly clock: Clock;
  readonly log: Log;
}

/** So often a user may hold opsd while it begins: a few seconds each time. */
const MOST_EARLY = 3;
const REMEDY = "PrivateDevices=yes (opsd.service.d/hardening.conf), or end that user's processes";

export class Hangs {
  readonly #options: HangsOptions;
  /** Told before the loop could be. */
  readonly #early: Hang[] = [];
  #told: { readonly state: () => State; readonly report: Report } | null = null;

  constructor(options: HangsOptions) {
    this.#options = options;
  }

  note(hang: Hang): void {
    const { clock, log, outputs } = this.#options;
    log.critical('opsd was held in the kernel by a FUSE that does not answer', {
      at: hang.kind === 'proc' ? `/proc/${hang.subject}` : hang.subject === '-' ? 'close(2)' : hang.subject,
      users: hang.users.join(','),
      aborted: hang.connections,
      step: hang.step,
      remedy: REMEDY,
    });
    if (hang.kind === 'proc') for (const uid of hang.users) if (!this.#isLenient(uid)) withhold(uid, clock);
    const service = this.#ofFifo(hang, 'fifo');
    // At once, and not by way of the loop, which may be about to read it again.
    if (service !== null) outputs.abandon(service);
    if (this.#told === null) this.#early.push(hang);
    else this.#tell(hang, this.#told);
  }

  /** From now on the loop is told. */
  begin(state: () => State, report: Report): void {
    this.#told = { state, report };
    for (const hang of this.#early.splice(0)) {
      if (hang.kind === 'proc') for (const uid of hang.users) withhold(uid, this.#options.clock);
      this.#tell(hang, this.#told);
    }
  }

  /** A service that is not read as opsd begins would be taken for one that has ended, and started a second time. */
  #isLenient(uid: number): boolean {
    const before = this.#early.filter(({ kind, users }) => kind === 'proc' && users.includes(uid)).length;
    return this.#told === null && before < MOST_EARLY;
  }

  /** The service that writes to a FIFO of this folder, named `SERVICE` or `SERVICE.GENERATION`; null: it is none. */
  #ofFifo({ kind, subject }: Hang, folder: 'fifo' | 'notify'): string | null {
    const above = `${join(this.#options.runDir, folder)}/`;
    if (kind === 'proc' || !subject.startsWith(above)) return null;
    const name = subject.slice(above.length).replace(/ \(deleted\)$/, '');
    return folder === 'fifo' ? name : name.replace(/\.\d+$/, '');
  }

  #tell(hang: Hang, { state, report }: { readonly state: () => State; readonly report: Report }): void {
    const service = this.#ofFifo(hang, 'fifo') ?? this.#ofFifo(hang, 'notify');
    // Nobody is accused on suspicion.
    if (service === null && hang.kind !== 'proc') return;
    const how = service === null ? `process ${hang.subject} of its user` : 'a FIFO that it writes to';
    const detail = `${how} held opsd in the kernel: a FUSE of user ${hang.users.join(', ')} did not answer; ${REMEDY}`;
    const isAtFault = (spec: ServiceSpec): boolean =>
      service === null ? hang.users.includes(this.#options.uidOf(spec)) : spec.name === service;
    for (const { spec } of state().services) {
      if (isAtFault(spec)) report({ type: 'hung_opsd', service: spec.name, detail });
    }
  }
}
