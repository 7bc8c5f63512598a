// The credentials of a service's user: user id, group id, and supplementary groups.

import type { Millis } from '../../core/model/spec.ts';
import type { Credentials } from '../trust/permissions.ts';
import { accountOf, groupIdOf, groupsOf } from './accounts.ts';

/**
 * `user`, `group`: names or numbers, as in the configuration; null: those of opsd. Returns null when one of them does
 * not exist.
 */
export function credentialsOf(user: string | null, group: string | null, now: Millis): Credentials | null {
  const account = user === null ? null : accountOf(user, now);
  if (user !== null && account === null) return null;
  const gid = group === null ? (account?.gid ?? process.getegid?.() ?? 0) : groupIdOf(group, now);
  if (gid === null) return null;
  const name = account?.named?.name ?? null;
  const more = account === null ? (process.getgroups?.() ?? []) : name === null ? [] : groupsOf(name);
  return { uid: account?.uid ?? process.geteuid?.() ?? 0, gids: new Set([gid, ...more]) };
}
