// A signal never reaches a stranger: identities, PID texts, and what is refused.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootId, identityOf, isSame, parsePid, parseStat, readStat } from '../../../src/os/proc/identity.ts';
import { Child, type SignalTarget, sendSignal } from '../../../src/os/proc/signals.ts';
import { nodeChild } from '../../../src/os/spawn/node-child.ts';
import { scratch } from '../../support/scratch.ts';
import { waitFor } from '../../support/wait.ts';
import { end, isAlive } from '../rig.ts';

function sleeper(file = 'sleep', detached = false): { pid: number } & Disposable {
  const child = spawn(file, ['60'], { stdio: 'ignore', detached });
  const { pid } = child;
  if (pid === undefined) throw new Error('no sleep on this host');
  return { pid, [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

function known(pid: number) {
  const identity = identityOf(pid);
  assert.ok(identity);
  return identity;
}

test('a process name with spaces and parentheses does not shift the fields', async () => {
  await using folder = await scratch();
  const file = join(folder.path, 'a) R 1 (b');
  await copyFile('/bin/sleep', file);
  using odd = sleeper(file);
  const stat = await waitFor('the exec of the odd one', () => {
    const read = readStat(odd.pid);
    return typeof read === 'object' && read.state === 'S' ? read : null;
  });
  assert.equal(stat.parent, process.pid);
  assert.deepEqual(parseStat(7, `7 (a) R 1 (b) S 2 3 4 0 -1 ${0x0020_0000} 0 0 0 0 0 0 0 0 20 0 1 0 12345 0`), {
    pid: 7,
    state: 'S',
    parent: 2,
    group: 3,
    session: 4,
    startTime: 12345,
    isKernelThread: true,
  });
});

test('only a plain PID of somebody else is taken from a text', () => {
  for (const text of [
    '',
    '0',
    '1',
    '-1',
    ' 12\n',
    '12abc',
    '12 ',
    '12\n\n',
    '1.5',
    '9'.repeat(20),
    '0'.repeat(1 << 20),
    '12\0',
    '+12',
    '0x10',
    '012',
    '4294967295',
    String(process.pid),
    String(process.ppid),
  ]) {
    assert.equal(parsePid(text), null, JSON.stringify(text.slice(0, 30)));
  }
  assert.equal(parsePid('4711'), 4711);
  assert.equal(parsePid('4711\n'), 4711);
});

test('what the number means is another process now: no signal', () => {
  using victim = sleeper();
  const identity = known(victim.pid);
  const wrong: SignalTarget[] = [
    { to: 'process', identity: { ...identity, startTime: identity.startTime + 1 } },
    { to: 'process', identity: { ...identity, bootId: '00000000-0000-0000-0000-000000000000' } },
    { to: 'group', group: victim.pid, witness: { ...identity, startTime: identity.startTime - 1 } },
    { to: 'group', group: victim.pid, witness: identity },
  ];
  for (const target of wrong) assert.equal(sendSignal(target, 'SIGKILL'), 'gone', JSON.stringify(target));
  assert.ok(isAlive(victim.pid));
  assert.ok(isSame(identity));
});

test('a right identity is signalled, and gone afterwards', async () => {
  using victim = sleeper();
  const identity = known(victim.pid);
  assert.equal(sendSignal({ to: 'process', identity }, 'SIGTERM'), 'sent');
  await waitFor('the end of it', () => !isSame(identity));
  assert.equal(sendSignal({ to: 'process', identity }, 'SIGTERM'), 'gone');
});

test('a group is signalled through a member of it', async () => {
  using leader = sleeper('sleep', true);
  const identity = known(leader.pid);
  assert.equal(sendSignal({ to: 'group', group: leader.pid, witness: identity }, 'SIGTERM'), 'sent');
  await waitFor('the end of it', () => !isSame(identity));
});

test('opsd, its group, its parent, init, everybody and nonsense are refused', () => {
  const own = known(process.pid);
  const ownGroup = readStat(process.pid);
  assert.ok(typeof ownGroup === 'object');
  for (const pid of [0, 1, -1, -5, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, process.pid]) {
    const child = new Child(pid, 'us');
    assert.equal(sendSignal({ to: 'child', child }, 'SIGCONT'), 'refused', `child ${pid}`);
    assert.equal(sendSignal({ to: 'child_group', child }, 'SIGCONT'), 'refused', `child_group ${pid}`);
    assert.equal(sendSignal({ to: 'group', group: pid, witness: own }, 'SIGCONT'), 'refused', `group ${pid}`);
  }
  assert.equal(sendSignal({ to: 'process', identity: own }, 'SIGCONT'), 'refused');
  assert.equal(sendSignal({ to: 'child_group', child: new Child(ownGroup.group, 'us') }, 'SIGCONT'), 'refused');
  assert.equal(
    sendSignal({ to: 'process', identity: { pid: 1, startTime: 0, bootId: bootId() } }, 'SIGCONT'),
    'refused',
  );
});

test('an unknown signal is refused', () => {
  using victim = sleeper();
  assert.equal(sendSignal({ to: 'child', child: new Child(victim.pid, 'us') }, 'SIGNIFICANT'), 'refused');
});

test('a child that was reaped is not signalled any more, whoever has its number now', () => {
  using victim = sleeper('sleep', true);
  const child = new Child(victim.pid, 'us');
  child.reaped();
  for (const to of ['child', 'child_group'] as const) assert.equal(sendSignal({ to, child }, 'SIGKILL'), 'gone');
  assert.ok(isAlive(victim.pid));
});

test('a child of Node holds its number as a zombie, and has lost it before Node tells of its end', async () => {
  const process = spawn('true', { stdio: 'ignore' });
  const child = nodeChild(process);
  assert.ok(child !== null);
  // This turn of the loop does not end: Node cannot have reaped it.
  while (stateOf(child.pid) !== 'Z');
  assert.equal(child.hold, 'held');
  const [told] = await Promise.all([
    new Promise((resolve) => process.prependOnceListener('exit', () => resolve(child.hold))),
    once(process, 'exit'),
  ]);
  assert.equal(told, 'lost');
});

function stateOf(pid: number): string {
  const stat = readStat(pid);
  return typeof stat === 'string' ? stat : stat.state;
}

test('a zombie is no longer the process it was', async () => {
  // The shell replaces itself by a program that never fetches its child; only then may the child end.
  const parent = spawn('sh', ['-c', 'cat <&3 >/dev/null & echo $!; exec sleep 60 3<&-'], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  });
  try {
    const { stdout, stdio } = parent;
    assert.ok(stdout !== null);
    const [chunk] = await once(stdout, 'data');
    const pid = Number(String(chunk).trim());
    await waitFor('the end of the shell', () => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n');
    stdio[3]?.destroy();
    await waitFor('the zombie', () => {
      const stat = readStat(pid);
      return typeof stat === 'object' && stat.state === 'Z';
    });
    assert.equal(isSame(known(pid)), false);
  } finally {
    end(parent.pid ?? 0);
  }
});
