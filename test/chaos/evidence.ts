// What is printed when a promise was broken, and when none was.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arena } from './arena.ts';
import type { Record } from './record.ts';
import type { Watch } from './watch.ts';

const EVENTS = 40;
const LOG_LINES = 60;

export function tellTrouble(error: unknown, seed: number, record: Record, arena: Arena): void {
  const why = error instanceof Error ? error : new Error(String(error));
  const isBug = why.name !== 'Violation';
  console.log(`\nchaos: ${isBug ? 'TROUBLE' : 'VIOLATION'} after ${record.elapsed.toFixed(2)} s, seed ${seed}`);
  console.log(`  ${isBug ? why.stack : why.message}\n`);
  console.log('chaos: what was done last (seconds since the start)');
  for (const event of record.events.slice(-EVENTS)) console.log(`  ${event}`);
  console.log(`\nchaos: what opsd said last`);
  const said = readFileSync(arena.daemonLog, 'utf8').trimEnd().split('\n');
  for (const line of said.slice(-LOG_LINES)) console.log(`  ${line}`);
  writeFileSync(join(arena.path, 'events'), `${record.events.join('\n')}\n`);
  console.log(`\nchaos: everything is kept in ${arena.path}`);
}

export function tellCounts(record: Record, watch: Watch, recovery: readonly number[]): void {
  const transcripts = [...watch.transcripts.values()];
  const sum = (of: (transcript: (typeof transcripts)[number]) => number) =>
    transcripts.reduce((total, transcript) => total + of(transcript), 0);
  const counts: (readonly [string, number])[] = [
    ...record.counts,
    ['generations of services', sum(({ births }) => births)],
    ['lines checked', sum(({ checked }) => checked)],
    ['lines gone with the last process of their service while no opsd was there', sum(({ missing }) => missing)],
    ['lines dropped on a full disk, and told', sum(({ dropped }) => dropped)],
  ];
  for (const [what, count] of counts) console.log(`chaos: ${count.toLocaleString('en').padStart(9)} ${what}`);
  const longest = Math.max(0, ...recovery) / 1_000;
  console.log(`chaos: all was well again ${longest.toFixed(1)} s after the monkey paused, at the latest`);
}
