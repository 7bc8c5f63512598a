// The checker: looks at /proc, the journals and the logs, again and again, and knows what must never be.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Arena } from './arena.ts';
import type { Bystanders } from './bystanders.ts';
import type { Fleet } from './fleet.ts';
import { Holders } from './holders.ts';
import { keyOf, lives, type Marked, openFilesIn, ProcessTable } from './processes.ts';
import { type Record, Violation } from './record.ts';
import type { Ending } from './systemd.ts';
import { Transcript } from './transcript.ts';

/** What opsd could not write while the disk was full it tells that long afterwards at the latest. */
const LOSS_TOLD_MS = 12_000;

export class Watch implements Disposable {
  readonly transcripts = new Map<string, Transcript>();
  readonly #arena: Arena;
  readonly #record: Record;
  readonly #bystanders: Bystanders;
  readonly #table: ProcessTable;
  readonly #holders = new Map<string, Holders>();
  /** The opsd that had FIFOs open at the last look. */
  #worker: number | null = null;
  #alive: readonly Marked[] = [];
  #aliveKeys: ReadonlySet<string> = new Set();
  /** When the disk became full, and when there was room again. */
  #fullSince: number | null = null;
  #roomSince: number | null = null;

  constructor(arena: Arena, fleet: Fleet, bystanders: Bystanders, record: Record) {
    this.#arena = arena;
    this.#record = record;
    this.#bystanders = bystanders;
    this.#table = new ProcessTable(arena.run, bystanders.pids);
    for (const { name, kind } of fleet.members) {
      const log = join(arena.log, `${name}.log`);
      this.transcripts.set(name, new Transcript(name, fleet.journalOf(name), log, kind.isCaptured));
    }
  }

  get alive(): readonly Marked[] {
    return this.#alive;
  }

  /** This opsd has got so far that it reads what services write. */
  isAtWork(daemon: number | null): boolean {
    return daemon !== null && this.#worker === daemon;
  }

  aliveOf(service: string): readonly Marked[] {
    return this.#alive.filter((one) => one.service === service);
  }

  /** Its main process is gone, others of it are not. */
  isHeadless(service: string): boolean {
    const main = this.transcriptOf(service).main;
    return main !== null && !lives(main.key) && this.aliveOf(service).length > 0;
  }

  transcriptOf(service: string): Transcript {
    const transcript = this.transcripts.get(service);
    if (!transcript) throw new Error(`no service ${service}`);
    return transcript;
  }

  /** One look at everything. Throws Violation. */
  look(daemon: number | null): void {
    this.#record.count('looks');
    this.#alive = this.#table.look();
    this.#aliveKeys = new Set(this.#alive.map(keyOf));
    this.#noDoubles();
    const held = daemon === null ? new Set<string>() : openFilesIn(daemon, join(this.#arena.run, 'fifo'));
    this.#worker = held.size > 0 ? daemon : null;
    for (const transcript of this.transcripts.values()) {
      const { service } = transcript;
      const { holders, hasGap } = this.#holdersOf(service).see({
        processes: this.aliveOf(service).map(keyOf),
        daemon: held.has(service) ? `opsd ${daemon}` : null,
        lives,
      });
      // After that: who is dead by then has said all that it ever will.
      transcript.read((key) => this.#aliveKeys.has(key) || lives(key));
      if (!hasGap) continue;
      // What the dead had written is gone, unless opsd had read it.
      if (transcript.excuse((key) => !holders.has(key))) this.#record.count('FIFOs that nobody held for a moment');
    }
    this.#bystanders.check();
  }

  /** Processes of two generations at a time: opsd starts one when nothing of the other is left. */
  #noDoubles(): void {
    const first = new Map<string, Marked>();
    for (const one of this.#alive) {
      const other = first.get(one.service);
      if (other === undefined) first.set(one.service, one);
      // The look took a while: both must be alive now.
      else if (other.generation !== one.generation && lives(keyOf(other)) && lives(keyOf(one))) {
        const names = [other, one].map(({ pid, generation }) => `pid ${pid} of generation ${generation}`);
        throw new Violation(`${one.service} has processes of two generations: ${names.join(' and ')}`);
      }
    }
  }

  #holdersOf(service: string): Holders {
    const holders = this.#holders.get(service) ?? new Holders();
    this.#holders.set(service, holders);
    return holders;
  }

  /** The disk is full from now on. */
  diskFilled(): void {
    this.#fullSince = performance.now();
    this.#roomSince = null;
  }

  diskFreed(): void {
    this.#roomSince = performance.now();
  }

  /** opsd may have dropped output that it has not told of yet, or may not have been able to write down what it knows. */
  get isDiskTrouble(): boolean {
    if (this.#fullSince === null) return false;
    if (this.#roomSince !== null && performance.now() - this.#roomSince > LOSS_TOLD_MS) this.#fullSince = null;
    return this.#fullSince !== null;
  }

  /** opsd has ended. Throws Violation. */
  daemonEnded({ code, asked }: Ending): void {
    if (this.isDiskTrouble) {
      // Only it knew how much it had dropped.
      this.#record.count('opsd ended while its disk was full');
      this.look(null);
      for (const transcript of this.transcripts.values()) {
        transcript.isTorn = true;
        transcript.excuse(() => true);
      }
    }
    if (code === 0 && asked.has('SIGTERM') && !asked.has('SIGUSR2')) this.nothingIsLeft();
  }

  /** After a shutdown. Throws Violation. */
  nothingIsLeft(): void {
    const left = this.#table.look().filter((one) => lives(keyOf(one)));
    if (left.length > 0) {
      const names = left.map(({ pid, service, generation }) => `pid ${pid} of ${service}, generation ${generation}`);
      throw new Violation(`opsd has shut down and exited 0, and there are still: ${names.join('; ')}`);
    }
    const files = readdirSync(this.#arena.run).filter((name) => name.endsWith('.pid') || name === 'opsd.sock');
    if (files.length > 0) throw new Violation(`opsd has shut down and left in its run directory: ${files.join(', ')}`);
  }

  /** After the last line. Throws Violation. */
  finish(): void {
    this.look(null);
    for (const transcript of this.transcripts.values()) {
      const owed = transcript.owing();
      if (!transcript.isSettled(owed)) throw new Violation(`never arrived in its log: ${transcript.describe(owed)}`);
      transcript.finish();
    }
  }

  hasPidFile(service: string): boolean {
    return existsSync(join(this.#arena.run, `${service}.pid`));
  }

  [Symbol.dispose](): void {
    for (const transcript of this.transcripts.values()) transcript[Symbol.dispose]();
  }
}
