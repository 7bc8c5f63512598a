// Garbage for one parser after the other, in this process: none throws, takes long, or keeps what it was given.

import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Chance } from '../chaos/chance.ts';

/** Something that reads what others may have written. */
export interface Target extends AsyncDisposable {
  readonly name: string;
  /** How often it is tried, where an ordinary one is once. */
  readonly share: number;
  /** Throws where a promise is broken. `tell` is told what it is given, for the message. */
  run(chance: Chance, tell: (input: unknown) => void): void | Promise<void>;
}

export interface ParserCampaign {
  readonly seed: number;
  /** Of an ordinary target. */
  readonly inputs: number;
  readonly tell?: (line: string) => void;
}

const LONGEST_WORK_MS = 250;
const MOST_GROWTH = 8 << 20;
const WARM_UP = 0.3;
const SHOWN = 4_000;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Throws what was broken, with the seed and the input. */
export async function fuzzParser(target: Target, { seed, inputs, tell = () => {} }: ParserCampaign): Promise<void> {
  const count = Math.ceil(inputs * target.share);
  const chance = new Chance(seed);
  let longest = 0;
  let warm = 0;
  for (let index = 0; index < count; index++) {
    if (index === Math.floor(count * WARM_UP)) warm = await kept();
    let input: unknown;
    const before = work();
    try {
      await target.run(chance.branch(), (given) => {
        input = given;
      });
      const took = work() - before;
      longest = Math.max(longest, took);
      assert.ok(took <= LONGEST_WORK_MS, `it took ${took.toFixed(0)} ms of CPU time`);
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const place = `input ${index} of ${target.name} with SEED=${seed}`;
      throw new Error(`${place}: ${why}\n${shown(input)}`, { cause: error });
    }
  }
  const growth = (await kept()) - warm;
  assert.ok(growth <= MOST_GROWTH, `${target.name} keeps ${growth} bytes of ${count} inputs with SEED=${seed}`);
  tell(`${target.name}: ${count} inputs, longest ${longest.toFixed(1)} ms`);
}

function work(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Twice: what lies outside of the heap goes after what holds it, and on another thread. */
async function kept(): Promise<number> {
  for (let rounds = 0; rounds < 2; rounds++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function shown(input: unknown): string {
  const text = Buffer.isBuffer(input) ? input.toString('latin1') : input;
  const json = JSON.stringify(text) ?? 'no input';
  return json.length > SHOWN ? `${json.slice(0, SHOWN)}… (${json.length} characters)` : json;
}
