// What the tools that opsd runs in front of a command say when they fail, and the keys that have them run.

import type { Launch } from '../core/model/spec.ts';
import type { Finding } from './symptoms.ts';

/** Tools of util-linux; they go on where they succeed. nice(1) goes on in any case. */
const SPOKEN = /(?:^|[\s/])(prlimit|ionice|setpriv): (.*)$/;
/** EXIT_FAILURE, and that of setpriv(1) for a right that is missing. */
const EXIT_CODES: readonly (number | null | undefined)[] = [1, 127];

/** null: it is not a tool of opsd that failed, for all that `line`, the last that was written, tells. */
export function toolFailure(
  of: string,
  launch: Launch,
  exitCode: number | null | undefined,
  line: string | undefined,
): Finding | null {
  if (line === undefined || !EXIT_CODES.includes(exitCode)) return null;
  const [, tool = '', words = ''] = SPOKEN.exec(line) ?? [];
  // It did all that it was asked for, and could only not execute what comes next.
  const next = launch.wrapper[0] ?? launch.command[0];
  if (words.split(/[\s:]+/).includes(next)) return null;
  const keys = keysBehind(tool, words, launch).map((key) => `services.${of}.${key}`);
  if (keys.length === 0) return null;
  const meaning = `${tool}, which opsd runs in front of it, could not do what is asked for: change ${keys.join(' or ')}`;
  return { meaning, command: 'opsd check', line, isByOpsd: true };
}

/** Those that are set; only those that the words are about, where they tell. */
function keysBehind(tool: string, words: string, launch: Launch): readonly string[] {
  const { limits, ionice, user, group, noNewPrivileges, capabilities } = launch;
  const asked: (readonly [tool: string, key: string, isSet: boolean, about: RegExp])[] = [
    ['prlimit', 'limits.nofile', limits.nofile !== null, /NOFILE/],
    ['prlimit', 'limits.core', limits.core !== null, /CORE/],
    ['ionice', 'ionice', ionice !== null, /ioprio/],
    ['setpriv', 'user', user !== null, /setresuid|setresgid|groups/],
    ['setpriv', 'group', group !== null, /setresgid|groups/],
    ['setpriv', 'no_new_privileges', noNewPrivileges, /no_new_privs/],
    ['setpriv', 'capabilities', capabilities !== null, /capabilit|bounding|ambient/],
  ];
  const set = asked.filter(([by, , isSet]) => by === tool && isSet);
  const meant = set.filter(([, , , about]) => about.test(words));
  return (meant.length > 0 ? meant : set).map(([, key]) => key);
}
