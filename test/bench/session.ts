// A supervisor with its work under way, in a folder of its own, and nothing left of either afterwards.

import { readFileSync, statSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';
import { now, readTicks, type Tick } from './child.ts';
import { isThere, killAll } from './processes.ts';
import type { Launched, Tool, Work } from './tool.ts';

export interface Session extends AsyncDisposable {
  readonly folder: string;
  readonly work: Work;
  /** What was launched last. */
  launched: Launched;
  /** All that the children have told so far. */
  ticks(): Tick[];
  /** PID of the last start of each. */
  children(): Map<string, number>;
  /** Milliseconds from the launch until the last child ran. */
  readonly started: number;
}

/** pm2 takes 13 s for a thousand, supervisord 22 s; on a loaded host more. */
const LONGEST_START = 60_000;
/** Bytes of a line: a name of five, a PID, nanoseconds since the boot. */
const SHORTEST_TICK = 'sNNNN 1 1000000000\n'.length;

/** Resolves when every child has told that it runs. */
export async function openSession(tool: Tool, work: Work): Promise<Session> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await folderOf(work)).path;
  const ticks = () => readTicks(join(folder, 'clocks'), work.child);
  const launched = await tool.launch(folder, work);
  const session = {
    folder,
    work,
    launched,
    ticks,
    children: () => new Map(ticks().map(({ name, pid }) => [name, pid])),
    started: 0,
  };
  stack.defer(() => endAll(session));
  await waitFor(
    `${work.count} services of ${tool.name}`,
    // Read when it can be complete, and not before: the machine is the supervisor's.
    () =>
      sizeOf(join(folder, 'clocks')) >= work.count * SHORTEST_TICK &&
      new Set(ticks().map(({ name }) => name)).size === work.count,
    LONGEST_START,
  ).catch((error: Error) => {
    throw new Error(`${error.message}; it said:\n${launched.output().slice(-2_000)}`);
  });
  const started = Math.max(...ticks().map(({ at }) => at)) - launched.at;
  const owned = stack.move();
  return Object.assign(session, { started, [Symbol.asyncDispose]: () => owned.disposeAsync() });
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * The many small files of a fleet stay until the whole run is over: ext4 reuses no inode within seconds of its removal, and
 * each file made in that time would cost a search past all of them. One service that writes much leaves its room at once.
 */
async function folderOf({ count, home }: Work): Promise<{ readonly path: string } & AsyncDisposable> {
  if (count === 1) return scratch();
  return { path: await mkdtemp(join(home, 's')), [Symbol.asyncDispose]: async () => {} };
}

/** The next time that the child tells after `since`. */
export function nextTick(session: Session, name: string, since: number, limit = 30_000): Promise<Tick> {
  return waitFor(
    `the next start of ${name}`,
    () => session.ticks().find((tick) => tick.name === name && tick.at > since),
    limit,
  );
}

/** The supervisor first, so that it starts nobody again. Only processes that name this folder: numbers are used again. */
async function endAll({
  folder,
  launched,
  ticks,
}: Omit<Session, 'started' | typeof Symbol.asyncDispose>): Promise<void> {
  const daemon = await launched.pid();
  killAll([daemon]);
  launched.end?.();
  await waitFor('the end of a supervisor', () => !isThere(daemon) || isZombie(daemon));
  await waitFor('the end of the children', () => {
    const left = ticks()
      .map(({ pid }) => pid)
      .filter((pid) => commandLine(pid).includes(folder));
    killAll(left);
    return left.length === 0;
  });
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

function isZombie(pid: number): boolean {
  return commandLine(pid) === '';
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The smallest value that this share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Milliseconds that a task takes. */
export async function timed(task: () => Promise<unknown>): Promise<number> {
  const begun = now();
  await task();
  return now() - begun;
}
