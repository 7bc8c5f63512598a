// A thousand services that beat each second: what it costs opsd to watch them.

import { setTimeout as pause } from 'node:timers/promises';
import { opsd } from './opsd.ts';
import { cpuShare } from './processes.ts';
import type { Report } from './report.ts';
import { openSession } from './session.ts';
import type { Work } from './tool.ts';

/** Until every child has beaten and been seen to. */
const SETTLING = 8_000;
const WINDOW = 20_000;

export async function measureBeats(work: Work, report: Report): Promise<void> {
  const beating: Work = { ...work, task: ['beat'], opsd: 'heartbeat = "30s"' };
  await using session = await openSession(opsd, beating);
  await pause(SETTLING);
  report.add(
    `CPU, ${work.count} services beating each second`,
    opsd,
    '%',
    (await cpuShare(await session.launched.pid(), WINDOW)) * 100,
  );
}
