// One opsd after another: how soon the next one has all services, and what watching adopted ones costs.

import { setTimeout as pause } from 'node:timers/promises';
import { ask } from '../support/requests.ts';
import { waitFor } from '../support/wait.ts';
import { now } from './child.ts';
import { restartOf } from './fleet.ts';
import { opsd, runIn, socketOf } from './opsd.ts';
import { allGone, cpuShare, memoryOf } from './processes.ts';
import type { Report } from './report.ts';
import { median, openSession, type Session } from './session.ts';
import { nameOf, type Work } from './tool.ts';

const WINDOW = 20_000;
const HANDOVERS = 5;
const ADOPTED = 'every enabled service was started';

/** kill -9, and the next daemon: from its start until it says that it has everything. */
export async function measureAdoption(work: Work, report: Report): Promise<void> {
  await using session = await openSession(opsd, work);
  await pause(1_000);
  for (let run = 0; run < 3; run++) {
    process.kill(await session.launched.pid(), 'SIGKILL');
    await allGone([await session.launched.pid()], 10_000);
    const said = saidReady(session);
    session.launched = runIn(session.folder);
    await waitFor('the adoption', () => saidReady(session) > said, 30_000);
    report.add(`${work.count} services adopted`, opsd, 'ms', now() - session.launched.at);
  }
  await mustBeAdopted(session);
  await pause(5_000);
  const pid = await session.launched.pid();
  report.add(`CPU, watching ${work.count} adopted services`, opsd, '%', (await cpuShare(pid, WINDOW)) * 100);
  report.add(`memory with ${work.count} adopted services, PSS`, opsd, 'MB', memoryOf(pid).pss);
}

/** A service is killed at the very moment of the handover: nobody but the next daemon can start it again. */
export async function measureHandover(work: Work, report: Report): Promise<void> {
  await using session = await openSession(opsd, work);
  await pause(1_000);
  const gaps: number[] = [];
  for (let run = 0; run < HANDOVERS; run++) {
    const pid = await session.launched.pid();
    process.kill(pid, 'SIGUSR2');
    const back = restartOf(session, nameOf(run));
    await allGone([pid], 10_000);
    session.launched = runIn(session.folder);
    gaps.push(await back);
    await pause(1_000);
  }
  report.add(`gap in supervision at a handover, ${work.count} services`, opsd, 'ms', median(gaps));
}

function saidReady(session: Session): number {
  return session.launched.output().split(ADOPTED).length;
}

async function mustBeAdopted(session: Session): Promise<void> {
  const { body } = await ask({ socketPath: socketOf(session.folder) }, 'GET', '/api/v1/services');
  const { services }: { services: { adopted: boolean; state: string }[] } = JSON.parse(body);
  const adopted = services.filter((service) => service.adopted && service.state === 'running').length;
  if (adopted !== session.work.count) throw new Error(`only ${adopted} of ${session.work.count} were adopted`);
}
