// Error messages of the tools of the exec chain, and the configuration keys that each tool carries out.

import type { Launch } from '../core/model/spec.ts';
import type { Finding } from './symptoms.ts';

/** Tools of util-linux that end the exec chain when they fail; nice(1) does not and is not listed. */
const SPOKEN = /(?:^|[\s/])(prlimit|ionice|setpriv): (.*)$/;
/** EXIT_FAILURE, and the exit code of setpriv(1) for a missing privilege. */
const EXIT_CODES: readonly (number | null | undefined)[] = [1, 127];

/** `line`: the last line of output. null: it is no error message of a tool of the exec chain. */
export function toolFailure(
  of: string,
  launch: Launch,
  exitCode: number | null | undefined,
  line: string | undefined,
): Finding | null {
  if (line === undefined || !EXIT_CODES.includes(exitCode)) return null;
  const [, tool = '', words = ''] = SPOKEN.exec(line) ?? [];
  // The tool did its part and could not execute the next program: that is a failure of the command, not of the tool.
  const next = launch.wrapper[0] ?? launch.command[0];
  if (words.split(/[\s:]+/).includes(next)) return null;
  const keys = keysBehind(tool, words, launch).map((key) => `services.${of}.${key}`);
  if (keys.length === 0) return null;
  const meaning = `${tool}, which opsd runs in front of it, could not do what is asked for: change ${keys.join(' or ')}`;
  return { meaning, command: 'opsd check', line, isByOpsd: true };
}

/** The keys that are set and carried out by `tool`; where the message names one of them, only that one. */
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
