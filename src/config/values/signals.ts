// Reads stop_signal, and the signals among the exit codes.

import type { SignalName } from '../../core/model/spec.ts';
import { readSignal } from '../../text/signals.ts';
import type { Reading } from '../../text/units.ts';

/** Signals that do not end a process by default. */
const ENDLESS: ReadonlySet<string> = new Set(
  ['CHLD', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG'].map((name) => `SIG${name}`),
);

/** Reads `SIGTERM`, `TERM` or `term`. */
export function parseStopSignal(input: unknown): Reading<SignalName> {
  const signal = readSignal(input);
  if (!signal.ok || !ENDLESS.has(signal.value)) return signal;
  return { ok: false, expected: 'a signal that can end a process such as "SIGTERM"' };
}

/** Reads how a process may end: an exit code, or the signal that killed it. */
export function parseEnding(input: unknown): Reading<number | SignalName> {
  const expected = 'the name of a signal such as "SIGTERM", or a whole number from 0 to 255';
  if (typeof input === 'string') {
    const signal = readSignal(input);
    if (signal.ok) return signal;
    const hint = /^\d+$/.test(input) ? `write ${input} without quotes for the exit code` : signal.hint;
    return { ok: false, expected, ...(hint === undefined ? {} : { hint }) };
  }
  const isCode = typeof input === 'number' && Number.isInteger(input) && input >= 0 && input <= 255;
  return isCode ? { ok: true, value: input } : { ok: false, expected };
}
