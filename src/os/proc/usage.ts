// CPU and memory of the main processes.

import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { limitOf } from './descriptors.ts';

export interface ProcessUsage {
  /** CPU cores in use, 1 being one whole core: an exponentially weighted mean. */
  readonly cpuRatio: number;
  /** User and system time since the process was started. */
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

/** After this time the weight of an old value is down to 37 %, however often usage is sampled. */
const MEMORY_OF_CPU: Millis = 10_000;
/** pidusage keeps a descriptor for each PID and closes it when the PID was not asked for that long. */
const KEEP: Millis = 20_000;
const MOST = 4_096;
/** Usage is optional: pidusage gets at most a quarter of the descriptors of opsd, and none when opsd has few. */
const SHARE = 4;
const FEW = 256;
/** The kernel counts CPU time in hundredths of a second: over a shorter interval a ratio would be noise. */
const SHORTEST: Millis = 250;

interface Past {
  readonly at: Millis;
  readonly cpuSeconds: number;
  readonly cpuRatio: number | null;
}

export class UsageSampler {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #most: number;
  #past = new Map<number, Past>();
  /** PIDs that were not found, and until when they are not asked for: pidusage must close its descriptor first. */
  readonly #absent = new Map<number, Millis>();
  #underWay: Promise<ReadonlyMap<number, ProcessUsage>> | null = null;

  /** `descriptors`: the soft limit of opsd; null: unknown. */
  constructor(clock: Pick<Clock, 'now'>, descriptors: number | null = limitOf('self')?.soft ?? null) {
    this.#clock = clock;
    const share = descriptors === null ? MOST : descriptors < FEW ? 0 : Math.floor(descriptors / SHARE);
    this.#most = Math.min(MOST, share);
  }

  /** Usage by PID. PIDs that are gone are missing, and all beyond the first 4,096, or fewer. Never rejects. */
  sample(pids: readonly number[]): Promise<ReadonlyMap<number, ProcessUsage>> {
    this.#underWay ??= this.#sample(pids).finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  async #sample(pids: readonly number[]): Promise<ReadonlyMap<number, ProcessUsage>> {
    const now = this.#clock.now();
    for (const [pid, until] of this.#absent) if (until <= now) this.#absent.delete(pid);
    const asked = pids.filter((pid) => !this.#absent.has(pid)).slice(0, this.#most);
    if (asked.length === 0) return new Map();
    const { default: pidusage } = await import('pidusage');
    // pidusage leaves out a PID that is gone only when several were asked for; with a single one it rejects.
    const answers = await pidusage([...asked], { maxage: KEEP }).catch(() => null);
    const usages = new Map<number, ProcessUsage>();
    const past = new Map<number, Past>();
    const at = this.#clock.now();
    for (const pid of asked) {
      const answer = answers?.[pid];
      if (!answer) {
        this.#absent.set(pid, at + 2 * KEEP);
        continue;
      }
      const cpuSeconds = answer.ctime / 1_000;
      const before = this.#past.get(pid);
      const isTooSoon = before !== undefined && at - before.at < SHORTEST && cpuSeconds >= before.cpuSeconds;
      const cpuRatio = isTooSoon ? before.cpuRatio : ratioSince(before, at, cpuSeconds);
      past.set(pid, isTooSoon ? before : { at, cpuSeconds, cpuRatio });
      usages.set(pid, { cpuRatio: cpuRatio ?? 0, cpuSeconds, memoryBytes: answer.memory });
    }
    this.#past = past;
    return usages;
  }
}

/**
 * Cores in use since `past`: new = α·value + (1-α)·old, with α from the time that passed. null: one sample is no ratio
 * yet.
 */
export function ratioSince(past: Past | undefined, at: Millis, cpuSeconds: number): number | null {
  // Less CPU time than before: the PID belongs to another process now.
  if (past === undefined || cpuSeconds < past.cpuSeconds || at <= past.at) return null;
  const value = ((cpuSeconds - past.cpuSeconds) * 1_000) / (at - past.at);
  if (past.cpuRatio === null) return value;
  const alpha = 1 - Math.exp(-(at - past.at) / MEMORY_OF_CPU);
  return alpha * value + (1 - alpha) * past.cpuRatio;
}
