// How long a person waits for an answer: `opsd ctl why` until it ended, `opsd ctl top` until its first picture.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { now } from './child.ts';
import { asClientIn, MAIN, opsd } from './opsd.ts';
import type { Report } from './report.ts';
import { median, openSession, timed } from './session.ts';
import { nameOf, type Work } from './tool.ts';

const SCRIPT = '/usr/bin/script';
const RUNS = 9;
const LIMIT = 20_000;
const SETTLING = 3_000;

export async function measureAnswers(work: Work, report: Report): Promise<void> {
  await using session = await openSession(opsd, work);
  await pause(SETTLING);
  const { folder } = session;
  const why = () => promisify(execFile)(MAIN, ['ctl', 'why', nameOf(0)], { ...asClientIn(folder), timeout: LIMIT });
  await why();
  const answers: number[] = [];
  for (let run = 0; run < RUNS; run++) answers.push(await timed(why));
  report.add(`opsd ctl why, ${work.count} services`, opsd, 'ms', median(answers));
  if (!existsSync(SCRIPT)) {
    console.log(`opsd ctl top: skipped, ${SCRIPT} (Debian: bsdutils) is not installed`);
    return;
  }
  await firstPicture(folder);
  const pictures: number[] = [];
  for (let run = 0; run < RUNS; run++) pictures.push(await firstPicture(folder));
  report.add(`first picture of opsd ctl top, ${work.count} services`, opsd, 'ms', median(pictures));
}

/** On a terminal of 80 x 24, from the moment the shell in it becomes opsd until a service is on the screen. */
async function firstPicture(folder: string): Promise<number> {
  const command = `stty rows 24 cols 80; echo begun; exec '${MAIN}' ctl top`;
  const options = asClientIn(folder);
  const env = { ...options.env, TERM: 'xterm-256color', SHELL: '/bin/sh' };
  const terminal = spawn(SCRIPT, ['-qec', command, '/dev/null'], { ...options, env, stdio: 'pipe' });
  const ended = once(terminal, 'exit');
  const limit = setTimeout(() => terminal.kill('SIGKILL'), LIMIT);
  try {
    let text = '';
    let begun: number | null = null;
    for await (const piece of terminal.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      text += String(piece);
      if (begun === null && text.includes('begun')) begun = now();
      // The first line of the table that has a service in it.
      if (begun === null || !text.includes('\u001b[?1049h') || !text.includes(nameOf(0))) continue;
      const took = now() - begun;
      terminal.stdout.resume();
      terminal.stdin.write('q');
      await ended;
      return took;
    }
    throw new Error(`opsd ctl top showed nothing: ${text.slice(-500)}`);
  } finally {
    clearTimeout(limit);
    terminal.kill('SIGKILL');
  }
}
