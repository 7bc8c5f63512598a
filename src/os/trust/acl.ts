// Reads the POSIX ACL (acl(5)) of a descriptor through getxattr(2) of the C library; without node:ffi only the mode
// counts.

import { constants } from 'node:os';
import { loadForeign } from '../proc/ffi.ts';

/** Permission bits: a sum of 4 (read), 2 (write), 1 (execute). Those of the owner are in the mode. */
export interface Acl {
  readonly users: ReadonlyMap<number, number>;
  /** Bits of the file's own group. In a file with an ACL the group bits of the mode are the mask instead. */
  readonly group: number;
  readonly groups: ReadonlyMap<number, number>;
  readonly mask: number;
  readonly other: number;
}

/** An ACL that cannot be parsed grants nothing. */
const CLOSED: Acl = { users: new Map(), group: 0, groups: new Map(), mask: 0, other: 0 };
const NAME = 'system.posix_acl_access';
/** The kernel's XATTR_SIZE_MAX. */
const LARGEST = 65_536;
/** Version and entries of <linux/posix_acl_xattr.h>: tag, permissions, id; all little endian. */
const HEADER = 4;
const ENTRY = 8;
const USER = 0x02;
const GROUP_OBJ = 0x04;
const GROUP = 0x08;
const MASK = 0x10;
const OTHER = 0x20;

type Getxattr = (path: string) => DataView | number;

/** undefined: not loaded yet; null: this Node has no node:ffi. */
let getxattr: Getxattr | null | undefined;

/** null: the file has no ACL, or this Node cannot read it. */
export function aclOf(descriptor: number): Acl | null {
  getxattr ??= bind();
  const answer = getxattr?.(`/proc/self/fd/${descriptor}`) ?? constants.errno.ENODATA;
  if (typeof answer !== 'number') return parseAcl(answer);
  return answer === constants.errno.ENODATA || answer === constants.errno.EOPNOTSUPP ? null : CLOSED;
}

function bind(): Getxattr | null {
  const ffi = loadForeign();
  if (ffi === null) return null;
  const { functions: c } = ffi.dlopen(null, {
    getxattr: { arguments: ['string', 'string', 'pointer', 'u64'], return: 'i64' },
    __errno_location: { arguments: [], return: 'pointer' },
  });
  const bytes = new ArrayBuffer(LARGEST);
  const at = ffi.getRawPointer(bytes);
  const errno = c.__errno_location();
  return (path) => {
    const length = Number(c.getxattr(path, NAME, at, BigInt(LARGEST)));
    return length < 0 ? ffi.getInt32(errno) : new DataView(bytes, 0, length);
  };
}

function parseAcl(view: DataView): Acl {
  const users = new Map<number, number>();
  const groups = new Map<number, number>();
  // Without named users and groups there is no mask, and the ACL equals the mode.
  const bits = { group: 0, mask: 7, other: 0 };
  for (let at = HEADER; at + ENTRY <= view.byteLength; at += ENTRY) {
    const permissions = view.getUint16(at + 2, true);
    const id = view.getUint32(at + 4, true);
    switch (view.getUint16(at, true)) {
      case USER:
        users.set(id, permissions);
        break;
      case GROUP_OBJ:
        bits.group = permissions;
        break;
      case GROUP:
        groups.set(id, permissions);
        break;
      case MASK:
        bits.mask = permissions;
        break;
      case OTHER:
        bits.other = permissions;
        break;
    }
  }
  return { users, groups, ...bits };
}
