// Loaded into an opsd under test (NODE_OPTIONS=--import): measures the longest turn of its loop, and tells who connects.

import { createServer } from 'node:net';

const place = process.env.OPSD_TEST_TURNS;

/** How often the loop is looked at. */
const PERIOD_MS = 2;

/** `wall`: how long others waited. `cpu`: how long this thread worked meanwhile, whatever else the machine did. */
export interface LongestTurn {
  readonly wall: number;
  readonly cpu: number;
}

if (place !== undefined && process.argv.includes('run')) {
  let longest: LongestTurn = { wall: 0, cpu: 0 };
  let last = now();
  const look = () => {
    const next = now();
    longest = {
      wall: Math.max(longest.wall, next.wall - last.wall),
      cpu: Math.max(longest.cpu, next.cpu - last.cpu),
    };
    last = next;
  };
  setInterval(look, PERIOD_MS).unref();
  // Each who connects is told of the time since the one before.
  createServer((socket) => {
    look();
    socket.end(JSON.stringify(longest));
    longest = { wall: 0, cpu: 0 };
  })
    .listen(place)
    .unref();
}

function now(): LongestTurn {
  const { user, system } = process.threadCpuUsage();
  return { wall: performance.now(), cpu: (user + system) / 1_000 };
}
