// A program of opsd's own that works for one service: with the rights of that service's user, and none beside.

import { rightsStage } from '../chain/exec-chain.ts';
import { chainTools, DEFAULT_PATH, findProgram } from '../chain/tools.ts';
import { accountOf } from './accounts.ts';

/**
 * The same command where the user is opsd's own, or opsd may become nobody else. Throws where the program is missing:
 * setpriv(1) would just end, as if the program had.
 */
export function commandAs(uid: number, command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  const own = process.geteuid?.();
  if (own !== 0 || uid === own) return command;
  const [name, ...args] = command;
  const file = findProgram(name, process.env.PATH || DEFAULT_PATH);
  if (file === null) throw new Error(`spawn ${name} ENOENT`);
  const user = { uid, gid: accountOf(String(uid))?.gid ?? uid };
  const [first = file, ...rights] = rightsStage({ user, noNewPrivileges: true, capabilities: [] }, chainTools());
  return [first, ...rights, file, ...args];
}
