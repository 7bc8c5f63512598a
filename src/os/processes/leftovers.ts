// Ends the programs that opsd runs beside services (probes, event hooks), with all processes that they started or left
// behind.

import type { Millis } from '../../core/model/spec.ts';
import type { Alarm, Clock } from '../../runtime/clock.ts';
import { identityOf, ticksNow } from '../proc/identity.ts';
import type { ProcessTable } from '../proc/process-table.ts';
import { type Child, sendSignal } from '../proc/signals.ts';
import { newTree, type Tree } from './process-tree.ts';
import { Trees } from './trees.ts';

/** A program with a marker of its own. */
interface EndedProgram {
  /** The name (`web@probe`) and number in the program's marker. */
  readonly name: string;
  readonly number: number;
  /** The user id that the program runs as. */
  readonly uid: number;
  readonly child: Child;
}

/** Probes may end a hundred times a second: one process scan looks for the leftovers of all of them. */
const PAUSE: Millis = 1_000;
/**
 * A process that waits in the kernel (for a file server that does not answer) dies as soon as that wait ends; by now
 * the log says that it survives SIGKILL.
 */
const LONGEST_KILL: Millis = 60_000;
/** When opsd ends, it waits for leftovers no longer than this. */
const LAST_WAIT: Millis = 1_000;
const LAST_PERIOD: Millis = 5;

interface LeftoversOptions {
  readonly table: Pick<ProcessTable, 'scan'>;
  readonly log: (line: string) => void;
  readonly clock: Clock;
}

export class Leftovers implements AsyncDisposable {
  readonly #trees: Trees;
  readonly #ended: Tree[] = [];
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  /** Number of trees that are being killed. */
  #left = 0;
  #scannedAt = Number.NEGATIVE_INFINITY;
  /**
   * Milliseconds since boot, so that a later opsd of the same boot begins above all numbers of the earlier one, unless
   * that started more than a thousand programs a second.
   */
  #number: number;

  constructor({ table, log, clock }: LeftoversOptions) {
    this.#clock = clock;
    this.#alarm = clock.alarm(() => this.#killEnded());
    this.#number = Math.trunc(clock.now());
    this.#trees = new Trees({
      table,
      cgroups: null,
      log,
      clock,
      onScanned: (tree) => {
        const isGivenUp = tree.killingSince !== null && clock.now() - tree.killingSince > LONGEST_KILL;
        if (tree.members.size > 0 && !isGivenUp) return;
        this.#trees.forget(tree);
        this.#left -= 1;
      },
      onScanFailed: () => {},
    });
  }

  /**
   * The number for the marker of the next program: no two programs share a marker, so that killing one leaves the other
   * alone.
   */
  nextNumber(): number {
    this.#number += 1;
    return this.#number;
  }

  /**
   * Kills the program's process group at once if its PID is still held. A process scan finds, a moment later, the
   * processes that left the group or outlived the program by their marker.
   */
  end({ name, number, uid, child }: EndedProgram): void {
    const isHeld = child.hold === 'held';
    const tree = newTree({
      service: name,
      generation: number,
      uid,
      main: isHeld ? identityOf(child.pid) : null,
      isMainAlive: false,
      child: null,
      cgroup: null,
      members: new Map(),
    });
    if (isHeld) {
      tree.pidHeldUntil = ticksNow();
      sendSignal({ to: 'child_group', child }, 'SIGKILL');
    }
    this.#ended.push(tree);
    if (this.#ended.length === 1) this.#alarm.set(this.#scannedAt + PAUSE - this.#clock.now());
  }

  #killEnded(): void {
    this.#scannedAt = this.#clock.now();
    for (const tree of this.#ended.splice(0)) {
      this.#left += 1;
      this.#trees.kill(tree);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killEnded();
    const until = this.#clock.now() + LAST_WAIT;
    while (this.#left > 0 && this.#clock.now() < until) await this.#clock.after(LAST_PERIOD);
    this.#alarm[Symbol.dispose]();
    this.#trees[Symbol.dispose]();
  }
}
