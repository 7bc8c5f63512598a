// Runs a program of opsd's own for one service with the privileges of that service's user, and no others.

import type { Millis } from '../../core/model/spec.ts';
import { rightsStage } from '../chain/exec-chain.ts';
import { chainTools, DEFAULT_PATH, findProgram } from '../chain/tools.ts';
import { accountOf } from './accounts.ts';

/**
 * Puts the exec-chain stage that drops privileges in front of `command`. Returns the command unchanged when the user is
 * opsd's own or opsd is not root. Throws when the program is missing: setpriv(1) would only exit, and that would look
 * like an exit of the program.
 */
export function commandAs(
  uid: number,
  command: readonly [string, ...string[]],
  now: Millis,
): readonly [string, ...string[]] {
  const own = process.geteuid?.();
  if (own !== 0 || uid === own) return command;
  const [name, ...args] = command;
  const file = findProgram(name, process.env.PATH || DEFAULT_PATH);
  if (file === null) throw new Error(`spawn ${name} ENOENT`);
  const account = accountOf(String(uid), now);
  const user = { uid, gid: account?.gid ?? uid, isNamed: account?.named != null };
  const [first = file, ...rights] = rightsStage({ user, noNewPrivileges: true, capabilities: [] }, chainTools());
  return [first, ...rights, file, ...args];
}
