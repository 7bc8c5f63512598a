// Ends what opsd runs beside services (probes, programs that are told of events), with all that they started or left behind.

import type { Millis } from '../../core/model/spec.ts';
import { Alarm, after, monotonic } from '../../runtime/clock.ts';
import { identityOf, ticksNow } from '../proc/identity.ts';
import type { ProcessTable } from '../proc/process-table.ts';
import { type Child, sendSignal } from '../proc/signals.ts';
import { newTree, type Tree } from './process-tree.ts';
import { Trees } from './trees.ts';

/** A program with a marker of its own. */
interface Program {
  /** `web@probe`, and the number it was given. */
  readonly name: string;
  readonly number: number;
  /** The user it runs as. */
  readonly uid: number;
  readonly child: Child;
}

/** Probes may end a hundred times a second: what they left is looked for once for all of them. */
const PAUSE: Millis = 1_000;
/** What waits in the kernel (for a dead server of files) ends when that is over; its survival was told by then. */
const LONGEST_HUNT: Millis = 60_000;
/** When opsd ends, what is left is not waited for any longer. */
const LAST_WAIT: Millis = 1_000;
const LAST_PERIOD: Millis = 5;

interface LeftoversOptions {
  readonly table: Pick<ProcessTable, 'look'>;
  readonly log: (line: string) => void;
}

export class Leftovers implements AsyncDisposable {
  readonly #trees: Trees;
  readonly #ended: Tree[] = [];
  readonly #alarm = new Alarm(() => this.#seek());
  /** Of those that are being killed. */
  #left = 0;
  #soughtAt = Number.NEGATIVE_INFINITY;
  /** Of two opsds of one boot the later one begins higher, as long as there were not a thousand programs a second. */
  #number = Math.trunc(monotonic());

  constructor({ table, log }: LeftoversOptions) {
    this.#trees = new Trees({
      table,
      cgroups: null,
      log,
      onSeen: (tree) => {
        const isGivenUp = tree.killingSince !== null && monotonic() - tree.killingSince > LONGEST_HUNT;
        if (tree.members.size > 0 && !isGivenUp) return;
        this.#trees.forget(tree);
        this.#left -= 1;
      },
      onUnseen: () => {},
    });
  }

  /** For the marker of the next program: no two are ever alike, so that one is ended and not the other. */
  nextNumber(): number {
    this.#number += 1;
    return this.#number;
  }

  /** At once as long as it lives; what left its group, or outlived it, is found by its marker a moment later. */
  end({ name, number, uid, child }: Program): void {
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
      tree.heldUntil = ticksNow();
      sendSignal({ to: 'child_group', child }, 'SIGKILL');
    }
    this.#ended.push(tree);
    if (this.#ended.length === 1) this.#alarm.set(this.#soughtAt + PAUSE - monotonic());
  }

  #seek(): void {
    this.#soughtAt = monotonic();
    for (const tree of this.#ended.splice(0)) {
      this.#left += 1;
      this.#trees.kill(tree);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#seek();
    const until = monotonic() + LAST_WAIT;
    while (this.#left > 0 && monotonic() < until) await after(LAST_PERIOD);
    this.#alarm[Symbol.dispose]();
    this.#trees[Symbol.dispose]();
  }
}
