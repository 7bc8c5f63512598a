// N services that do nothing: how long they take to start, to come back, to stop, and what watching them costs.

import { setTimeout as pause } from 'node:timers/promises';
import { now } from './child.ts';
import { allGone, cpuSeconds, cpuSecondsOfEnded, cpuShare, memoryOf } from './processes.ts';
import type { Report } from './report.ts';
import { median, nextTick, openSession, quantile, type Session, timed } from './session.ts';
import { nameOf, type Tool, type Work } from './tool.ts';

/** A supervisor is left alone that long before it is looked at. */
const SETTLING = 3_000;
const STATUS_RUNS = 7;
/** supervisord takes a second for each restart. */
const RESTARTS = { opsd: 60, other: 8 };

export const FLEET = ['start', 'memory', 'idle', 'status', 'restart', 'stop'] as const;
export type Wish = (typeof FLEET)[number];

export async function measureFleet(tool: Tool, work: Work, report: Report, wishes: ReadonlySet<Wish>): Promise<void> {
  await using session = await openSession(tool, work);
  const { count } = work;
  const isOurs = tool.name === 'opsd';
  const pid = await session.launched.pid();
  if (wishes.has('start')) {
    report.add(`${count} services running`, tool, 'ms', session.started);
    report.add(`CPU time of the daemon, ${count} services running`, tool, 'ms', cpuSeconds(pid) * 1_000);
  }
  if (wishes.has('memory') || wishes.has('idle')) await pause(SETTLING);
  if (wishes.has('memory')) {
    const { pss, rss } = memoryOf(pid);
    report.add(`memory of the daemon, PSS, ${count} services`, tool, 'MB', pss);
    report.add(`memory of the daemon, RSS, ${count} services`, tool, 'MB', rss);
  }
  if (wishes.has('idle')) {
    const share = await cpuShare(pid, isOurs ? 20_000 : 10_000);
    report.add(`idle CPU, ${count} services`, tool, '%', share * 100);
  }
  if (wishes.has('status')) {
    const runs: number[] = [];
    const before = cpuSecondsOfEnded();
    for (let run = 0; run < STATUS_RUNS; run++) runs.push(await timed(() => session.launched.status()));
    report.add(`status of ${count} services`, tool, 'ms', median(runs));
    const each = (cpuSecondsOfEnded() - before) / STATUS_RUNS;
    report.add(`CPU time of the command, status of ${count} services`, tool, 'ms', each * 1_000);
  }
  if (wishes.has('restart')) {
    const latencies = await restarts(session, isOurs ? RESTARTS.opsd : RESTARTS.other);
    report.add(`restart after kill -9, ${count} services, median`, tool, 'ms', median(latencies));
    report.add(`restart after kill -9, ${count} services, 95 %`, tool, 'ms', quantile(latencies, 0.95));
  }
  if (wishes.has('stop')) await measureStop(session, tool, report);
}

/** From SIGTERM to the supervisor until the last child is gone and reaped. */
async function measureStop(session: Session, tool: Tool, report: Report): Promise<void> {
  const children = [...session.children().values()];
  const pid = await session.launched.pid();
  const begun = now();
  process.kill(pid, 'SIGTERM');
  const gone = await allGone(children, 60_000);
  report.add(`${session.work.count} services stopped`, tool, 'ms', gone - begun);
  await allGone([pid], 60_000);
}

async function restarts(session: Session, times: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let run = 0; run < times; run++) {
    const name = nameOf((run * 7) % session.work.count);
    latencies.push(await restartOf(session, name));
    await pause(20);
  }
  return latencies;
}

/** From the SIGKILL to a child until its successor told that it runs. */
export async function restartOf(session: Session, name: string): Promise<number> {
  const pid = session.children().get(name);
  if (pid === undefined) throw new Error(`${name} never ran`);
  const begun = now();
  process.kill(pid, 'SIGKILL');
  return (await nextTick(session, name, begun)).at - begun;
}
