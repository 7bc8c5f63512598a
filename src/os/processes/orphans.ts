// opsd as PID 1 of a container: orphans become its children, and stay zombies until they are fetched.

import type { Millis } from '../../core/model/spec.ts';
import { Alarm } from '../../runtime/clock.ts';
import { listProcesses, readStat } from '../proc/identity.ts';
import { inTurns, type Work } from '../proc/turns.ts';

/**
 * What Node or the spawner has started they fetch themselves, within a turn of the loop. A child that is dead at two
 * looks this far apart is nobody's.
 */
const LOOK_AFTER: Millis = 1_000;

export class Orphans implements Disposable {
  readonly #fetch: ((pid: number) => void) | null;
  readonly #alarm = new Alarm(() => void this.#look());
  readonly #onDeath = () => this.#expect();
  /** Those that were dead at the last look, with their start times. */
  #dead: ReadonlyMap<number, number> = new Map();
  #isExpecting = false;
  #isOver = false;

  /** `fetch`: waitpid(2); null where Node cannot: then they are counted only. */
  constructor(fetch: ((pid: number) => void) | null) {
    this.#fetch = fetch;
    process.on('SIGCHLD', this.#onDeath);
    this.#expect();
  }

  /** Zombies at the last look. */
  get count(): number {
    return this.#dead.size;
  }

  #expect(): void {
    if (this.#isExpecting) return;
    this.#isExpecting = true;
    this.#alarm.set(LOOK_AFTER);
  }

  async #look(): Promise<void> {
    this.#isExpecting = false;
    const before = this.#dead;
    const dead = await inTurns(deadChildren());
    if (this.#fetch !== null && !this.#isOver) {
      for (const [pid, startTime] of dead) {
        if (before.get(pid) !== startTime || startOfDead(pid) !== startTime) continue;
        this.#fetch(pid);
        dead.delete(pid);
      }
      if (dead.size > 0) this.#expect();
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

/** When one that is our child and dead was started; null: it is not, or not any more. */
function startOfDead(pid: number): number | null {
  const stat = readStat(pid);
  return typeof stat !== 'string' && stat.state === 'Z' && stat.parent === process.pid ? stat.startTime : null;
}
