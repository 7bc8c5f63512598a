// make fuzz: a million requests against a real opsd, then garbage for all that opsd reads; SEED=number repeats a run.

import { configTargets } from './config-targets.ts';
import { fileTargets } from './file-targets.ts';
import { fuzzHttp, summary } from './http-campaign.ts';
import { fuzzParser } from './parser-campaign.ts';
import { streamTargets } from './stream-targets.ts';

/** The TCP port is encrypted or not, so it takes two of opsd. */
const CAMPAIGNS = [
  { doors: ['socket', 'tcp'], share: 0.9 },
  { doors: ['tls'], share: 0.1 },
] as const;

const seed = process.env.SEED ? Number(process.env.SEED) : Math.floor(Math.random() * 1e6);
const requests = Number(process.env.REQUESTS || 1_000_000);
/** For each parser; with a million requests 50,000. */
const inputs = Math.ceil(requests / 20);
if (!Number.isSafeInteger(seed) || !(requests > 0)) {
  console.error('fuzz: SEED is a whole number, REQUESTS a number above 0');
  process.exit(1);
}
console.log(`fuzz: seed ${seed}; to repeat it: make fuzz SEED=${seed} REQUESTS=${requests}`);
const tell = (line: string) => console.log(`fuzz: ${line}`);
try {
  for (const { doors, share } of CAMPAIGNS) {
    tell(summary(await fuzzHttp({ seed, requests: requests * share, doors, tell })));
  }
  for (const make of [...fileTargets, ...configTargets, ...streamTargets]) {
    await using target = await make();
    await fuzzParser(target, { seed, inputs, tell });
  }
} catch (error) {
  console.error(`fuzz: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
