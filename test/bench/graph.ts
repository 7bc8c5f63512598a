// Services that depend on each other, are restarted together, and are asked how they are.

import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from '../support/requests.ts';
import { opsd, socketOf } from './opsd.ts';
import { cpuSeconds, cpuShare } from './processes.ts';
import type { Report } from './report.ts';
import { median, openSession, type Session, timed } from './session.ts';
import { nameOf, type Work } from './tool.ts';

const LEVELS = 10;
/** Of the level before, for each service. */
const NEEDS = 3;
const RUNS = 3;
/** How long a service takes to stop. */
const LINGER = 500;
const SETTLING = 8_000;
const WINDOW = 20_000;

/** By turns, so that what else the machine does falls on both. */
export async function measureGraph(work: Work, report: Report): Promise<void> {
  const level = work.count / LEVELS;
  const needsOf = (index: number) =>
    index < level
      ? ''
      : `depends_on = ${JSON.stringify(
          Array.from({ length: NEEDS }, (_, i) => nameOf(index - level - (index % level) + ((index + i) % level))),
        )}`;
  const kinds = [{ work }, { work: { ...work, opsdOf: needsOf } }].map((kind) => ({
    ...kind,
    started: [] as number[],
    cpu: [] as number[],
  }));
  for (let run = 0; run < RUNS; run++) {
    for (const kind of kinds) {
      await using session = await openSession(opsd, kind.work);
      kind.started.push(session.started);
      kind.cpu.push(cpuSeconds(await session.launched.pid()) * 1_000);
    }
  }
  const [alone, graph] = kinds;
  if (alone === undefined || graph === undefined) return;
  const what = `${work.count} services in ${LEVELS} levels`;
  report.add(`${what} running`, opsd, 'ms', median(graph.started));
  report.add(`${what}, to as many without`, opsd, '×', median(graph.started) / median(alone.started));
  report.add(`${what}, CPU time of the daemon`, opsd, 'ms', median(graph.cpu));
  report.add(`${what}, CPU time to that without`, opsd, '×', median(graph.cpu) / median(alone.cpu));
}

/** All take as long to stop: the slowest is any of them. */
export async function measureRestarts(work: Work, report: Report): Promise<void> {
  await using session = await openSession(opsd, { ...work, task: ['linger', String(LINGER)] });
  await pause(1_000);
  const all: number[] = [];
  const one: number[] = [];
  const spawns: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    one.push(await timed(() => order(session, 'restart', nameOf(run))));
    all.push(await timed(() => order(session, 'restart', 'all')));
    await order(session, 'stop', 'all');
    spawns.push(await timed(() => order(session, 'start', 'all')));
  }
  const share = median(all) / (1.2 * median(one) + median(spawns));
  report.add(`restart of ${work.count} that take ${LINGER} ms to stop`, opsd, 'ms', median(all));
  report.add(`restart of one of them`, opsd, 'ms', median(one));
  report.add(`start of ${work.count} that were stopped`, opsd, 'ms', median(spawns));
  report.add(`restart of ${work.count}, to 1.2 × that of one and the start of all`, opsd, '×', share);
}

async function order(session: Session, action: string, services: string): Promise<void> {
  const body = { action, services: [services] };
  const reply = await ask({ socketPath: socketOf(session.folder) }, 'POST', '/api/v1/orders', body);
  if (reply.status !== 200 || reply.body.includes('"ok":false'))
    throw new Error(`${action} ${services}: ${reply.body}`);
}

/** Of a server that only accepts. */
export async function measureProbes(work: Work, report: Report): Promise<void> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', 4_096, done));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  try {
    const health = `health = { tcp = "${address.port}", interval = "5s" }`;
    await using session = await openSession(opsd, { ...work, opsd: health });
    await pause(SETTLING);
    const share = await cpuShare(await session.launched.pid(), WINDOW);
    report.add(`CPU, ${work.count} TCP probes every 5 s`, opsd, '%', share * 100);
  } finally {
    server.close();
  }
}
