// A real second user of this host, and a third: who attacks, and who is attacked. Only root can act as them.

import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The reason why a test that needs them is skipped; false: it is not. */
export const needsRoot: string | false = process.geteuid?.() === 0 ? false : 'only root can act as two other users';

/** Every host has them, and nothing runs as them. */
export const mallory = userOf('nobody');
export const victim = userOf('games');

/** Runs a command as that user, without root's groups, to its end. */
export function runAs({ uid, gid }: User, command: readonly string[], cwd = '/'): SpawnSyncReturns<string> {
  const [file = '', ...args] = command;
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--', file, ...args];
  return spawnSync('setpriv', ids, { cwd, encoding: 'utf8', env: { PATH: '/usr/bin:/bin' } });
}

function userOf(name: string): User {
  const [, , uid = '', gid = ''] = execFileSync('getent', ['passwd', name], { encoding: 'utf8' }).split(':');
  return { name, uid: Number(uid), gid: Number(gid) };
}
