// Reaps orphans where opsd is PID 1 of a container: they become its children, and stay zombies until it waits for them.

import type { Millis } from '../../core/model/spec.ts';
import type { Alarm, Clock } from '../../runtime/clock.ts';
import { listProcesses, readStat } from '../proc/identity.ts';
import { readOutline } from '../proc/outline.ts';
import { inTurns, type Work } from '../proc/turns.ts';

/**
 * Node and the spawner reap their own children within a turn of the event loop. A child that is a zombie in two scans
 * this far apart was started by neither.
 */
const SCAN_AFTER: Millis = 1_000;

export class Orphans implements Disposable {
  readonly #reap: ((pid: number) => void) | null;
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #onDeath = () => this.#schedule();
  /** The zombies of the last scan, with their start times. */
  #dead: ReadonlyMap<number, number> = new Map();
  #isScheduled = false;
  #isOver = false;

  /** `reap` reaps one PID (waitpid(2)); null: this Node has no way to call it, so zombies are only counted. */
  constructor(reap: ((pid: number) => void) | null, clock: Clock) {
    this.#reap = reap;
    this.#clock = clock;
    this.#alarm = clock.alarm(() => void this.#scan());
    process.on('SIGCHLD', this.#onDeath);
    this.#schedule();
  }

  /** Number of zombies in the last scan. */
  get count(): number {
    return this.#dead.size;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#alarm.set(SCAN_AFTER);
  }

  async #scan(): Promise<void> {
    this.#isScheduled = false;
    const before = this.#dead;
    const dead = await inTurns(deadChildren(), this.#clock);
    if (this.#reap !== null && !this.#isOver) {
      for (const [pid, startTime] of dead) {
        if (before.get(pid) !== startTime || startOfDead(pid) !== startTime) continue;
        this.#reap(pid);
        dead.delete(pid);
      }
      if (dead.size > 0) this.#schedule();
    }
    this.#dead = dead;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    process.off('SIGCHLD', this.#onDeath);
    this.#alarm[Symbol.dispose]();
  }
}

function* deadChildren(): Work<Map<number, number>> {
  const dead = new Map<number, number>();
  for (const pid of listProcesses() ?? []) {
    yield;
    const startTime = startOfDead(pid);
    if (startTime !== null) dead.set(pid, startTime);
  }
  return dead;
}

/** Start time of a PID that is a zombie and a child of opsd; null: it is not one, or not any more. */
function startOfDead(pid: number): number | null {
  // Most are of strangers, who can make a look at /proc/PID/stat wait.
  const outline = readOutline(pid);
  if (typeof outline === 'string') return null;
  if (outline !== null && (outline.state !== 'Z' || outline.parent !== process.pid)) return null;
  const stat = readStat(pid);
  return typeof stat !== 'string' && stat.state === 'Z' && stat.parent === process.pid ? stat.startTime : null;
}
