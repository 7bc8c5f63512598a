// A tenth of the requests that CI sends to a real opsd: those over TLS.

import { test } from 'node:test';
import { fuzzHttp, summary } from './http-campaign.ts';

const REQUESTS = 10_000;
/** They take 25 s on two cores that have little else to do. The whole file may take two minutes. */
const MOST_SECONDS = 70;

test('10,000 requests over TLS: no crash, no long turn, no memory that grows', async (t) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e6));
  t.diagnostic(`SEED=${seed}`);
  const figures = await fuzzHttp({ seed, requests: REQUESTS, seconds: MOST_SECONDS, doors: ['tls'] });
  t.diagnostic(summary(figures));
  if (figures.requests < REQUESTS) t.diagnostic(`this host is too busy for more in ${MOST_SECONDS} s`);
});
