// Half of the requests that CI sends to a real opsd: those over TCP.

import { test } from 'node:test';
import { fuzzHttp, summary } from './http-campaign.ts';

test('50,000 requests over TCP: no crash, no long turn, no memory that grows', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e6));
  t.diagnostic(`SEED=${seed}`);
  t.diagnostic(summary(await fuzzHttp({ seed, requests: 50_000, doors: ['tcp'] })));
});
