// Signals by name, as far as one can stop a service with them.

import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { parseEnding, parseStopSignal } from '../../src/config/values/signals.ts';

test('a signal may be written with or without SIG, in any case', () => {
  for (const text of ['SIGTERM', 'TERM', 'term', 'sigterm']) {
    assert.deepEqual(parseStopSignal(text), { ok: true, value: 'SIGTERM' });
  }
});

test('every signal that is accepted is one that this system can send', () => {
  for (const name of ['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'KILL', 'WINCH', 'PWR']) {
    const reading = parseStopSignal(name);
    assert.ok(reading.ok && Object.keys(constants.signals).includes(reading.value));
  }
});

test('an unknown name is answered with the nearest one, a signal that ends nothing with one that does', () => {
  const mistyped = parseStopSignal('SIGTREM');
  assert.ok(!mistyped.ok);
  assert.equal(mistyped.hint, 'did you mean "SIGTERM"?');
  const endless = parseStopSignal('SIGCONT');
  assert.ok(!endless.ok);
  assert.match(endless.expected, /can end/);
  assert.ok(!parseStopSignal(15).ok);
});

test('a stop signal may be a real-time one or have a second name; an exit code may be a signal', () => {
  assert.deepEqual(parseStopSignal('SIGRTMIN+3'), { ok: true, value: 'SIGRTMIN+3' });
  assert.deepEqual(parseStopSignal('SIGPOLL'), { ok: true, value: 'SIGIO' });
  assert.ok(!parseStopSignal('SIGCLD').ok, 'a second name of SIGCHLD, which ends nothing');
  assert.deepEqual(parseEnding('SIGIOT'), { ok: true, value: 'SIGABRT' });
  assert.deepEqual(parseEnding(143), { ok: true, value: 143 });
  for (const input of [256, -1, 1.5, '15', 'SIGNOTHING', null]) assert.ok(!parseEnding(input).ok, String(input));
});
