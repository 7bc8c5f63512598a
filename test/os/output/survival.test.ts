// A daemon that is killed with -9, again and again, in the middle of a flood: no line is lost, doubled or torn.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { scratch } from '../../support/scratch.ts';
import { waitFor } from '../../support/wait.ts';

const KILLS = 12;

async function startCopier(folder: string, style: string): Promise<ChildProcess> {
  const copier = spawn(process.execPath, [join(import.meta.dirname, 'copier.ts'), folder, 'with-kernel', style], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(copier.stdout ?? copier, 'data');
  return copier;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

/** Numbered lines, as fast as the pipe takes them, until killed; the last one is whatever it is. */
function startWriter(fifo: string): ChildProcess {
  const fd = openSync(fifo, constants.O_RDWR);
  const writer = spawn('seq', ['-f', 'line %.0f of a service that never stops', '1', '100000000'], {
    stdio: ['ignore', fd, 'inherit'],
  });
  closeSync(fd);
  return writer;
}

for (const style of ['plain', 'stamped']) {
  test(`${KILLS} times kill -9 while a service floods its ${style} log: every line once, whole and in order`, async () => {
    await using folder = await scratch();
    mkdirSync(join(folder.path, 'run'));
    const log = join(folder.path, 'log/web.log');
    const size = (): number => statSync(log, { throwIfNoEntry: false })?.size ?? 0;

    let copier = await startCopier(folder.path, style);
    const writer = startWriter(join(folder.path, 'run/fifo/web'));
    for (let kill = 0; kill < KILLS; kill++) {
      const before = size();
      // Killed at another moment of its work each time.
      await waitFor('the log to grow', () => size() > before + ((kill * 7919) % 200_000));
      await end(copier, 'SIGKILL');
      copier = await startCopier(folder.path, style);
    }
    await end(writer, 'SIGKILL');
    await end(copier, 'SIGTERM');

    const lines = readFileSync(log, 'latin1').split('\n');
    const last = lines.pop();
    assert.ok(lines.length > 1_000, `only ${lines.length} lines came`);
    assert.ok(last !== undefined && last.length < 100);
    const pattern =
      style === 'plain'
        ? /^line (\d+) of a service that never stops$/
        : /^\w{3} \d\d [\d:.]{12} line (\d+) of a service that never stops$/;
    lines.forEach((line, index) => {
      if (pattern.exec(line)?.[1] !== String(index + 1)) {
        assert.fail(`line ${index + 1} is wrong:\n${lines.slice(Math.max(0, index - 2), index + 3).join('\n')}`);
      }
    });
  });
}
