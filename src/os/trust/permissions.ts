// Whether a user may read a file and enter the folders above it: the kernel's rules (acl(5)) applied to the files
// found, not to a path.

import type { Stats } from 'node:fs';
import { type Acl, aclOf } from './acl.ts';
import type { FoundPath } from './foreign-path.ts';

/** A user as the kernel sees him. */
export interface Credentials {
  readonly uid: number;
  /** The user's primary and supplementary groups. */
  readonly gids: ReadonlySet<number>;
}

const READ = 4;
const ENTER = 1;

/**
 * opsd computes this itself: it cannot change the ids of its own thread, and a child that reads as the user could be
 * stopped by him while opsd waits for it. Rules that only the kernel knows (NFS servers, SELinux) still apply when opsd
 * opens the file; they can only refuse more.
 */
export function mayRead(found: FoundPath, who: Credentials): boolean {
  return (
    found.way.every(({ stats, acl }) => stats.isSymbolicLink() || allows(stats, acl, who, ENTER)) &&
    allows(found.stats, aclOf(found.seen), who, READ)
  );
}

/** `acl` null: the file has none. */
function allows(
  { uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>,
  acl: Acl | null,
  who: Credentials,
  right: number,
): boolean {
  const grants = (bits: number): boolean => (bits & right) === right;
  if (who.uid === 0) return true;
  if (who.uid === uid) return grants(mode >> 6);
  const isOfGroup = who.gids.has(gid);
  if (acl === null) return grants(isOfGroup ? mode >> 3 : mode);
  const own = acl.users.get(who.uid);
  if (own !== undefined) return grants(own & acl.mask);
  const named = [...who.gids].flatMap((id) => acl.groups.get(id) ?? []);
  const groups = isOfGroup ? [acl.group, ...named] : named;
  return groups.length > 0 ? groups.some((bits) => grants(bits & acl.mask)) : grants(acl.other);
}
