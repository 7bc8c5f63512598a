// Reads stop_signal: the named signals of Linux, signal(7).

import type { SignalName } from '../../core/model/spec.ts';
import { didYouMean } from '../../text/nearest.ts';
import type { Reading } from '../../text/units.ts';

const NAMES = [
  ...['HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2', 'PIPE', 'ALRM'],
  ...['TERM', 'STKFLT', 'CHLD', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'XCPU', 'XFSZ', 'VTALRM', 'PROF'],
  ...['WINCH', 'IO', 'PWR', 'SYS'],
];

const KNOWN: ReadonlyMap<string, SignalName> = new Map(NAMES.map((name) => [name, `SIG${name}` as const]));

/** Signals that do not end a process by default. */
const ENDLESS: ReadonlySet<string> = new Set(['CHLD', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG']);

/** Reads `SIGTERM`, `TERM` or `term`. */
export function parseStopSignal(input: unknown): Reading<SignalName> {
  const expected = 'the name of a signal such as "SIGTERM"';
  if (typeof input !== 'string') return { ok: false, expected };
  const name = input.toUpperCase().replace(/^SIG/, '');
  const signal = KNOWN.get(name);
  if (signal === undefined) return { ok: false, expected, hint: didYouMean(`SIG${name}`, KNOWN.values()) };
  if (ENDLESS.has(name)) return { ok: false, expected: 'a signal that can end a process such as "SIGTERM"' };
  return { ok: true, value: signal };
}
