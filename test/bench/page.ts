// The status page: how soon it is painted in a real browser, and what ten of them cost the daemon while everything changes.

import { existsSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { type Browser, chromium } from 'playwright-core';
import { freePort } from '../support/requests.ts';
import { opsd } from './opsd.ts';
import { cpuShare } from './processes.ts';
import type { Report } from './report.ts';
import { median, openSession } from './session.ts';
import type { Work } from './tool.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'];
const VISITS = 5;
const SETTLING = 3_000;

/** Milliseconds from the start of the navigation. */
interface Visit {
  readonly painted: number;
  /** The first frame after all services were in the table. */
  readonly complete: number;
}

/** From the browser's own clock; each visit has a context of its own, and so nothing in a cache. */
export async function measurePage(work: Work, report: Report): Promise<void> {
  if (!existsSync(CHROMIUM)) {
    console.log(`first paint of the page, ${work.count} services: skipped, ${CHROMIUM} is not installed`);
    return;
  }
  const http = `127.0.0.1:${await freePort()}`;
  await using session = await openSession(opsd, { ...work, http });
  await pause(SETTLING);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, timeout: 30_000 });
  try {
    // What the browser loads only once is not the page's.
    await visit(browser, http, session.work.count);
    const visits: Visit[] = [];
    for (let run = 0; run < VISITS; run++) visits.push(await visit(browser, http, session.work.count));
    const what = `of the page, ${work.count} services`;
    report.add(`first paint ${what}`, opsd, 'ms', median(visits.map(({ painted }) => painted)));
    report.add(`all rows ${what}`, opsd, 'ms', median(visits.map(({ complete }) => complete)));
  } finally {
    await browser.close();
  }
}

async function visit(browser: Browser, http: string, count: number): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  try {
    const page = await context.newPage();
    await page.goto(`http://${http}/`, { waitUntil: 'commit', timeout: 20_000 });
    return await page.evaluate<Visit>(`new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error('no picture of ${count} services')), 20_000);
      const look = () => {
        const painted = performance.getEntriesByType('paint').find(({ name }) => name === 'first-contentful-paint');
        if (!painted || document.querySelectorAll('#rows tr').length < ${count}) return requestAnimationFrame(look);
        requestAnimationFrame(() => resolve({ painted: painted.startTime, complete: performance.now() }));
      };
      look();
    })`);
  } finally {
    await context.close();
  }
}

const STREAMS = 10;
/** Windows without and with the streams take turns, so that what else the machine does meets both. */
const PAIRS = 3;
const WINDOW = 8_000;
/** A service lives so long on average, and is started again after a second: some 60 starts and 190 changes a second. */
const LIFE = '15000';
const CRASHING = 'backoff = { initial = "1s", factor = 1, max = "1s", jitter = 0.1 }\nmax_failures = 1000';

/** The stream that the page reads, and all that it asks of the daemon; ten browsers would need the whole machine. */
export async function measureStreams(work: Work, report: Report): Promise<void> {
  const http = `127.0.0.1:${await freePort()}`;
  await using session = await openSession(opsd, { ...work, task: ['live', LIFE], opsd: CRASHING, http });
  const pid = await session.launched.pid();
  await pause(2 * SETTLING);
  const without: number[] = [];
  const added: number[] = [];
  const begun = session.ticks().length;
  const from = performance.now();
  for (let pair = 0; pair < PAIRS; pair++) {
    const alone = (await cpuShare(pid, WINDOW)) * 100;
    const streams = await Promise.all(Array.from({ length: STREAMS }, () => listen(http)));
    await pause(1_000);
    const watched = (await cpuShare(pid, WINDOW)) * 100;
    for (const stream of streams) stream.message.destroy();
    // A round a second, less one that may be under way.
    const fewest = Math.min(...streams.map((stream) => stream.rounds));
    if (fewest < WINDOW / 2_000) throw new Error(`a stream told of changes only ${fewest} times in ${WINDOW} ms`);
    without.push(alone);
    added.push(watched - alone);
    await pause(500);
  }
  const rate = ((session.ticks().length - begun) * 1_000) / (performance.now() - from);
  process.stderr.write(`${rate.toFixed(0)} restarts a second\n`);
  const changing = `${work.count} services that crash every 16 s`;
  report.add(`CPU, ${changing}`, opsd, '%', median(without));
  report.add(`CPU that ${STREAMS} event streams add, ${changing}`, opsd, '%', median(added));
}

interface Stream {
  readonly message: IncomingMessage;
  /** How often it told what changed. */
  rounds: number;
}

function listen(http: string): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const asking = request(`http://${http}/api/v1/events?of=services`, { agent: false }, (message) => {
      const stream: Stream = { message, rounds: 0 };
      message.on('data', (piece: Buffer) => {
        if (piece.includes('event: changed')) stream.rounds++;
      });
      message.on('error', () => {});
      if (message.statusCode === 200) resolve(stream);
      else reject(new Error(`the event stream answered ${message.statusCode}`));
    });
    asking.setTimeout(30_000, () => asking.destroy(new Error('the event stream is silent')));
    asking.on('error', reject);
    asking.end();
  });
}
