// Signals by name and by number: those of kill(1), whatever second name they are given.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { nameOfSignal, numberOfSignal, readSignal } from '../../src/text/signals.ts';

test('each signal that bash knows is read, and has its number', () => {
  const listed = execFileSync('bash', ['-c', 'for n in {1..64}; do echo "$n $(kill -l $n)"; done'], {
    encoding: 'utf8',
  });
  const rows = listed.split('\n').flatMap((line) => {
    const [number = '', name = ''] = line.split(' ');
    return /^[A-Z]/.test(name) ? [[Number(number), name] as const] : [];
  });
  assert.ok(rows.length > 50);
  for (const [number, name] of rows) {
    const reading = readSignal(`SIG${name}`);
    assert.ok(reading.ok, name);
    assert.equal(numberOfSignal(reading.value), number, name);
    assert.equal(nameOfSignal(number), reading.value, name);
  }
});

test('second names, and each way of writing, are one name', () => {
  const rows = [
    ['SIGPOLL', 'SIGIO'],
    ['poll', 'SIGIO'],
    ['SIGIOT', 'SIGABRT'],
    ['SIGCLD', 'SIGCHLD'],
    ['SIGUNUSED', 'SIGSYS'],
    ['sigrtmin+3', 'SIGRTMIN+3'],
    ['RTMIN', 'SIGRTMIN'],
    ['RTMIN+0', 'SIGRTMIN'],
    ['SIGRTMIN+30', 'SIGRTMIN+30'],
    ['SIGRTMAX', 'SIGRTMIN+30'],
    ['SIGRTMAX-14', 'SIGRTMIN+16'],
  ];
  for (const [written = '', value] of rows) assert.deepEqual(readSignal(written), { ok: true, value }, written);
});

test('for a number its name is told, for a slip the nearest one, for one beyond the end where that is', () => {
  const rows: readonly (readonly [unknown, RegExp])[] = [
    [15, /15 is SIGTERM: write "SIGTERM"/],
    ['9', /9 is SIGKILL: write "SIGKILL"/],
    [37, /37 is SIGRTMIN\+3/],
    ['SIGTREM', /did you mean "SIGTERM"/],
    ['SIGPOL', /did you mean "SIGPOLL"/],
    ['SIGRTMIN+31', /from SIGRTMIN to SIGRTMIN\+30/],
    ['SIGRTMAX+1', /from SIGRTMIN to SIGRTMIN\+30/],
    ['SIGRTMIN-1', /from SIGRTMIN/],
    [0, /the name of a signal/],
    [99, /the name of a signal/],
    [-9, /the name of a signal/],
    [null, /the name of a signal/],
  ];
  for (const [written, told] of rows) {
    const reading = readSignal(written);
    assert.ok(!reading.ok, String(written));
    assert.match(`${reading.expected}; ${reading.hint ?? ''}`, told);
  }
});
