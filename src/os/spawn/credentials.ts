// Whom the kernel sees in a service's user: his number, his group, and all other groups that he is in.

import type { Credentials } from '../trust/permissions.ts';
import { accountOf, groupIdOf, groupsOf } from './accounts.ts';

/** By names or numbers, as `user` and `group` of a service; null: as opsd itself. null: nobody knows one of them. */
export function credentialsOf(user: string | null, group: string | null): Credentials | null {
  const account = user === null ? null : accountOf(user);
  if (user !== null && account === null) return null;
  const gid = group === null ? (account?.gid ?? process.getegid?.() ?? 0) : groupIdOf(group);
  if (gid === null) return null;
  const more = account === null ? (process.getgroups?.() ?? []) : groupsOf(account.name);
  return { uid: account?.uid ?? process.geteuid?.() ?? 0, gids: new Set([gid, ...more]) };
}
