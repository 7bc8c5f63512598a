// make fuzz: a million requests against a real opsd, then garbage for all that opsd reads; SEED=number repeats a run.

import { fuzzHttp, summary } from './http-campaign.ts';

const seed = process.env.SEED ? Number(process.env.SEED) : Math.floor(Math.random() * 1e6);
const requests = Number(process.env.REQUESTS || 1_000_000);
if (!Number.isSafeInteger(seed) || !(requests > 0)) {
  console.error('fuzz: SEED is a whole number, REQUESTS a number above 0');
  process.exit(1);
}
console.log(`fuzz: seed ${seed}; to repeat it: make fuzz SEED=${seed} REQUESTS=${requests}`);
try {
  const figures = await fuzzHttp({ seed, requests, tell: console.log });
  console.log(`fuzz: ${summary(figures)}`);
} catch (error) {
  console.error(`fuzz: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
