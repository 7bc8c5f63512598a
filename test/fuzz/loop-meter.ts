// Loaded into an opsd that is fuzzed, before opsd itself: measures turns of its loop and its memory, and tells who asks.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What is answered, as JSON, to each connection. Milliseconds and bytes. */
export interface Measured {
  /** Since the last question: from one tick to the next, without the time in which others had the CPU. */
  readonly longestTurn: number;
  /** The most CPU time that a turn took: what is beyond it went into waiting, for a disk or for memory. */
  readonly longestWork: number;
  /** After a garbage collection. */
  readonly heap: number;
  /** Buffers and whatever else belongs to the heap and lies outside of it. */
  readonly external: number;
  readonly rss: number;
  /** Without those of /proc, which pidusage keeps for 20 s. */
  readonly descriptors: number;
}

const PERIOD_MS = 5;
/** opsd closes early in its life what it did not open itself. */
const OPEN_AFTER_MS = 300;

const path = process.env.OPSD_METER;
if (path !== undefined && process.argv[2] === 'run') begin(path);

function begin(socket: string): void {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  let longest = { turn: 0, work: 0 };
  let last = now();
  setInterval(() => {
    const next = now();
    const turn = next.wall - last.wall - PERIOD_MS - (next.waited - last.waited);
    longest = { turn: Math.max(longest.turn, turn), work: Math.max(longest.work, next.cpu - last.cpu) };
    last = next;
  }, PERIOD_MS).unref();
  setTimeout(() => {
    const server = createServer((asking) => {
      const { turn, work } = longest;
      collect();
      const { heapUsed, external, rss } = process.memoryUsage();
      const measured: Measured = {
        longestTurn: turn,
        longestWork: work,
        heap: heapUsed,
        external,
        rss,
        descriptors: readdirSync('/proc/self/fd').filter(isLasting).length,
      };
      asking.on('error', () => asking.destroy());
      asking.end(JSON.stringify(measured));
      // The collection was no turn of opsd.
      longest = { turn: 0, work: 0 };
      last = now();
    });
    server.listen(socket).unref();
  }, OPEN_AFTER_MS).unref();
}

/** In milliseconds. `waited`: for a CPU that others had (the second number of schedstat, in nanoseconds). */
function now(): { wall: number; cpu: number; waited: number } {
  const [, waited = '0'] = readFileSync('/proc/self/schedstat', 'latin1').split(' ');
  const { user, system } = process.threadCpuUsage();
  return { wall: performance.now(), cpu: (user + system) / 1_000, waited: Number(waited) / 1e6 };
}

function isLasting(descriptor: string): boolean {
  try {
    return !readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('/proc/');
  } catch {
    // It was that of the list itself.
    return false;
  }
}
