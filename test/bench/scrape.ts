// A scrape of the metrics of a thousand services, and whether supervision goes on meanwhile.

import { setTimeout as pause } from 'node:timers/promises';
import { ask } from '../support/requests.ts';
import { restartOf } from './fleet.ts';
import { opsd, socketOf } from './opsd.ts';
import { memoryOf } from './processes.ts';
import type { Report } from './report.ts';
import { median, openSession, timed } from './session.ts';
import { nameOf, type Work } from './tool.ts';

const SCRAPES = 10;
/** A page is kept for a moment, for several who ask at the same time. */
const APART = 1_200;

export async function measureScrapes(work: Work, report: Report): Promise<void> {
  await using session = await openSession(opsd, work);
  await pause(7_000);
  const pid = await session.launched.pid();
  const scrape = () => ask({ socketPath: socketOf(session.folder) }, 'GET', '/metrics');
  const what = `scrape of ${work.count} services`;
  const before = memoryOf(pid).pss;
  report.add(`first ${what}, which loads the code for it`, opsd, 'ms', await timed(scrape));
  const alone: number[] = [];
  const usual: number[] = [];
  const disturbed: number[] = [];
  for (let run = 0; run < SCRAPES; run++) {
    await pause(APART);
    alone.push(await timed(scrape));
    usual.push(await restartOf(session, nameOf(run)));
    await pause(APART);
    // Killed in the middle of a scrape.
    const scraped = scrape();
    await pause(5 + run * 5);
    disturbed.push(await restartOf(session, nameOf(100 + run)));
    await scraped;
  }
  report.add(what, opsd, 'ms', median(alone));
  report.add('memory that scraping added, PSS', opsd, 'MB', memoryOf(pid).pss - before);
  report.add('restart between scrapes, median', opsd, 'ms', median(usual));
  report.add('restart during a scrape, longest', opsd, 'ms', Math.max(...disturbed));
}
