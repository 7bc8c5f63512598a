// Garbage for all that opsd reads from others: files, configurations, streams, /proc.

import { test } from 'node:test';
import { configTargets } from './config-targets.ts';
import { fileTargets } from './file-targets.ts';
import { fuzzParser } from './parser-campaign.ts';
import { streamTargets } from './stream-targets.ts';

const INPUTS = Number(process.env.INPUTS ?? 1_000);

test('no garbage makes a parser throw, work for long, or grow', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e6));
  t.diagnostic(`SEED=${seed}`);
  for (const make of [...fileTargets, ...configTargets, ...streamTargets]) {
    await using target = await make();
    await t.test(target.name, async (t) => {
      await fuzzParser(target, { seed, inputs: INPUTS, tell: (line) => t.diagnostic(line) });
    });
  }
});
