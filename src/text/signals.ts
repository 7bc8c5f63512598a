// The signals of Linux by name and by number: signal(7), with the real-time signals and the second names of some.

import type { SignalName } from '../core/model/spec.ts';
import { didYouMean } from './nearest.ts';
import type { Reading } from './units.ts';

/** In the order of their numbers, from 1 on (x86, ARM, RISC-V and most others). */
const NAMES: readonly string[] = [
  ...['HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2', 'PIPE', 'ALRM'],
  ...['TERM', 'STKFLT', 'CHLD', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'XCPU', 'XFSZ', 'VTALRM', 'PROF'],
  ...['WINCH', 'IO', 'PWR', 'SYS'],
];

const ALIASES: ReadonlyMap<string, string> = new Map([
  ['IOT', 'ABRT'],
  ['CLD', 'CHLD'],
  ['POLL', 'IO'],
  ['UNUSED', 'SYS'],
]);

/** glibc keeps 32 and 33 for itself. */
const RTMIN = 34;
const RTMAX = 64;

const KNOWN: ReadonlySet<string> = new Set(NAMES);

/** Reads `SIGTERM`, `TERM`, `term`, `SIGRTMIN+3`, `RTMAX-1`, `SIGPOLL`; each signal has one name afterwards. */
export function readSignal(input: unknown): Reading<SignalName> {
  const expected = 'the name of a signal such as "SIGTERM"';
  if (typeof input === 'number' || (typeof input === 'string' && /^\d+$/.test(input))) {
    const name = nameOfSignal(Number(input));
    return { ok: false, expected, ...(name === null ? {} : { hint: `${input} is ${name}: write "${name}"` }) };
  }
  if (typeof input !== 'string') return { ok: false, expected };
  const written = input.toUpperCase().replace(/^SIG/, '');
  const name = ALIASES.get(written) ?? written;
  if (KNOWN.has(name)) return { ok: true, value: `SIG${name}` };
  const [, end, sign, distance] = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name) ?? [];
  if (end === undefined) {
    return {
      ok: false,
      expected,
      hint: didYouMean(
        `SIG${written}`,
        [...KNOWN, ...ALIASES.keys()].map((one) => `SIG${one}`),
      ),
    };
  }
  const number = (end === 'MIN' ? RTMIN : RTMAX) + Number(`${sign ?? ''}${distance ?? 0}`);
  const found = number < RTMIN || number > RTMAX ? null : nameOfSignal(number);
  if (found !== null) return { ok: true, value: found };
  return { ok: false, expected: `a signal from SIGRTMIN to SIGRTMIN+${RTMAX - RTMIN}, which is SIGRTMAX` };
}

/** null: no signal has this number. */
export function nameOfSignal(number: number): SignalName | null {
  const name = NAMES[number - 1];
  if (name !== undefined) return `SIG${name}`;
  if (number < RTMIN || number > RTMAX) return null;
  return number === RTMIN ? 'SIGRTMIN' : `SIGRTMIN+${number - RTMIN}`;
}

/** null: there is no signal of this name. */
export function numberOfSignal(name: string): number | null {
  const known = NAMES.indexOf(name.replace(/^SIG/, ''));
  if (known >= 0) return known + 1;
  const [found, distance = '0'] = /^SIGRTMIN(?:\+(\d{1,2}))?$/.exec(name) ?? [];
  return found === undefined ? null : RTMIN + Number(distance);
}
