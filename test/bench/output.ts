// How fast the output of a service gets into its log.

import { spawn } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';
import { now, readTicks } from './child.ts';
import { killAll } from './processes.ts';
import type { Report } from './report.ts';
import { openSession } from './session.ts';
import { commandOf, nameOf, pidOf, type Tool, type Work } from './tool.ts';

const BYTES = 512 * 2 ** 20;
const LIMIT = 60_000;

/** `how`: what the row is called, and the keys that opsd is given for it. */
export async function measureOutput(
  tool: Tool,
  work: Work,
  how: { readonly row: string; readonly opsd: string },
  report: Report,
): Promise<void> {
  await using session = await openSession(tool, { ...work, count: 1, task: ['flood', String(BYTES)], opsd: how.opsd });
  const log = session.launched.log(nameOf(0));
  await waitFor('the whole output', () => session.ticks().length > 1 && sizeOf(log) >= BYTES, LIMIT);
  const seen = now();
  const [begun, ended] = session.ticks();
  // Without a copy it is all there when the child says so.
  const end = how.opsd.includes('direct') ? ended?.at : seen;
  report.add(`output, ${how.row}`, tool, 'MB/s', BYTES / 1e3 / ((end ?? seen) - (begun?.at ?? 0)));
}

/** The same into a file, with nobody in between. */
export async function measureFile(work: Work, report: Report): Promise<void> {
  await using folder = await scratch();
  const log = join(folder.path, 'log');
  const out = openSync(log, 'a');
  const [file = '', ...args] = commandOf({ ...work, task: ['flood', String(BYTES)] }, folder.path, nameOf(0));
  const child = spawn(file, args, { stdio: ['ignore', out, out] });
  closeSync(out);
  try {
    const told = await waitFor(
      'the whole output',
      () => {
        const ticks = readTicks(join(folder.path, 'clocks'), work.child);
        return ticks.length === 2 && ticks;
      },
      LIMIT,
    );
    const [begun, ended] = told;
    report.add(
      'output, to the file itself',
      { name: 'no supervisor' },
      'MB/s',
      BYTES / 1e3 / ((ended?.at ?? 0) - (begun?.at ?? 0)),
    );
  } finally {
    killAll([pidOf(child)]);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
