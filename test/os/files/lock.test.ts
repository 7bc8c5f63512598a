// One opsd for a run directory, however many are started and however they end.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { acquireLock } from '../../../src/os/files/lock.ts';
import { readPid } from '../../../src/os/files/pid-files.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { scratch } from '../../support/scratch.ts';
import { waitFor } from '../../support/wait.ts';

interface Contender {
  readonly process: ChildProcess;
  readonly said: string;
  end(signal?: NodeJS.Signals): Promise<void>;
}

async function contend(runDir: string, ...more: string[]): Promise<Contender> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'lock-holder.ts'), runDir, ...more], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [said] = await once(child.stdout, 'data');
  return {
    process: child,
    said: String(said).trim(),
    async end(signal) {
      if (signal) child.kill(signal);
      else child.stdin.end();
      await exited;
    },
  };
}

test('ten at once: exactly one wins, the others name its PID and end with 2; then the next one wins', async () => {
  await using folder = await scratch();
  const ten = await Promise.all(Array.from({ length: 10 }, () => contend(folder.path)));
  const winners = ten.filter(({ said }) => said === 'won');
  assert.equal(winners.length, 1, ten.map(({ said }) => said).join('\n'));
  const [winner] = winners;
  assert.ok(winner);
  const pid = winner.process.pid;
  for (const loser of ten) {
    if (loser === winner) continue;
    assert.match(loser.said, new RegExp(`^lost RuntimeError: another opsd \\(pid ${pid}\\) runs on ${folder.path}`));
    await waitFor('its end', () => loser.process.exitCode !== null);
    assert.equal(loser.process.exitCode, 2);
  }
  assert.equal(readPid(join(folder.path, 'opsd.pid')), pid);
  await winner.end();
  assert.equal(existsSync(join(folder.path, 'opsd.pid')), false);
  const next = await contend(folder.path);
  assert.equal(next.said, 'won');
  await next.end();
});

test('killed with -9: the kernel gives the lock back, the stale PID file is no obstacle', async () => {
  await using folder = await scratch();
  const first = await contend(folder.path);
  await first.end('SIGKILL');
  assert.equal(readPid(join(folder.path, 'opsd.pid')), first.process.pid);
  const second = await contend(folder.path);
  assert.equal(second.said, 'won');
  assert.equal(readPid(join(folder.path, 'opsd.pid')), second.process.pid);
  await second.end();
});

test('a service that lives on does not keep the lock', async () => {
  await using folder = await scratch();
  const first = await contend(folder.path, 'with a child');
  const sleeper = Number(readFileSync(`/proc/${first.process.pid}/task/${first.process.pid}/children`, 'utf8').trim());
  await first.end('SIGKILL');
  try {
    const second = await contend(folder.path);
    assert.equal(second.said, 'won');
    await second.end();
  } finally {
    process.kill(sleeper, 'SIGKILL');
  }
});

test('the same process cannot take it twice, and a lock that was given back can be taken again', async () => {
  await using folder = await scratch();
  {
    await using _lock = await acquireLock(folder.path, systemClock);
    assert.equal(lstatSync(join(folder.path, 'opsd.lock')).mode & 0o777, 0o600);
    await assert.rejects(acquireLock(folder.path, systemClock), {
      name: 'RuntimeError',
      message: new RegExp(`pid ${process.pid}`),
    });
  }
  await using _again = await acquireLock(folder.path, systemClock);
});

test('an opsd.pid that is not ours any more is left alone', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'opsd.pid');
  {
    await using _lock = await acquireLock(folder.path, systemClock);
    writeFileSync(path, '1\n');
  }
  assert.equal(readFileSync(path, 'utf8'), '1\n');
});

test('a symlink, a folder, and a lock that others can open are refused with what to do', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'opsd.lock');
  const victim = join(folder.path, 'victim');
  writeFileSync(victim, 'untouched');
  symlinkSync(victim, path);
  await assert.rejects(acquireLock(folder.path, systemClock), { name: 'RuntimeError', message: /symlink.*remove it/ });
  rmSync(path);
  writeFileSync(path, '');
  chmodSync(path, 0o666);
  await assert.rejects(acquireLock(folder.path, systemClock), {
    name: 'RuntimeError',
    message: /mode 0600.*remove it/,
  });
  assert.equal(readFileSync(victim, 'utf8'), 'untouched');
  await assert.rejects(acquireLock(join(folder.path, 'missing'), systemClock), {
    name: 'RuntimeError',
    message: /ENOENT/,
  });
});
