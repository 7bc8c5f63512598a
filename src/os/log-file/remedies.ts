// What an operator can do about a log that cannot be opened or written, by errno.

import { codeOf } from '../../errors.ts';

const ROOM = 'free space on its disk';
const DESCRIPTORS = 'raise LimitNOFILE= of opsd';
const RIGHTS = 'check its permissions and those of the folders above it';

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: ROOM,
  EDQUOT: 'make room, or raise the quota of opsd',
  EFBIG: 'rotate it, or raise LimitFSIZE= of opsd',
  EMFILE: DESCRIPTORS,
  ENFILE: 'raise fs.file-max of the host (sysctl)',
  ELOOP: 'it is a symlink: remove it, or set daemon.log_dir to where the logs are to be',
  EISDIR: 'it is a folder: remove it',
  ENXIO: 'it is a FIFO or a socket: remove it',
  ENOTDIR: 'a part of its path is not a folder: put a folder in its place',
  EACCES: RIGHTS,
  EPERM: RIGHTS,
  EROFS: 'make the disk it is on writable again (mount -o remount,rw)',
};

export function remedyFor(error: unknown): string {
  return REMEDIES[codeOf(error)] ?? 'check the disk it is on';
}
