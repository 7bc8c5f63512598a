// Garbage for all that opsd reads from others: files, configurations, streams, /proc.

import { test } from 'node:test';
import { fileTargets } from './file-targets.ts';
import { fuzzParser } from './parser-campaign.ts';

const INPUTS = Number(process.env.INPUTS ?? 3_000);

test('no garbage makes a parser throw, work for long, or grow', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e6));
  t.diagnostic(`SEED=${seed}`);
  for (const make of fileTargets) {
    await using target = await make();
    await t.test(target.name, async (t) => {
      await fuzzParser(target, { seed, inputs: INPUTS, tell: (line) => t.diagnostic(line) });
    });
  }
});
