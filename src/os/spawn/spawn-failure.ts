// Classifies a failed spawn: whether another try can help, and a message that says what to do.

import type { SpawnError } from './spawner.ts';

export interface SpawnFailure {
  readonly kind: 'permanent' | 'transient' | 'failure' | 'host';
  readonly message: string;
}

/**
 * Errors of a machine that has no room: they pass, and do not count as failures of the service. ETXTBSY: the program is
 * being replaced.
 */
const TRANSIENT: Readonly<Record<string, string>> = {
  EAGAIN: 'process limit reached (TasksMax=, ulimit -u, pids.max)',
  ENOMEM: 'out of memory for another process',
  EMFILE: 'too many open files in opsd (raise LimitNOFILE=)',
  ENFILE: 'too many open files on the host (raise fs.file-max)',
  ENOBUFS: 'no kernel buffer space is left',
  ENOSPC: 'no space is left for what the start needs',
  ETXTBSY: 'the program is being written at the moment',
};

/** Errors of a machine on which something is not as the service needs it: that can be put right without opsd. */
const HOST: Readonly<Record<string, string>> = {
  ENOENT: 'the program or the loader it was linked with does not exist: install it, or correct the path',
  EACCES: 'the program may not be executed: check the modes of it and of the folders above it',
  EPERM: 'the kernel does not permit it: check the mount options and the security policy of the host',
  ENOTDIR: 'a part of the path is not a folder: correct it',
  EISDIR: 'it is a folder, not a program',
  ELOOP: 'too many symbolic links in the path',
  ENOEXEC: 'the file is not a program of this machine',
  ELIBBAD: 'the loader of the program is damaged',
  EIO: 'the disk of the program cannot be read',
  ESTALE: 'the network file system of the program is not the one that it was: mount it again',
};

const PERMANENT: Readonly<Record<string, string>> = {
  ENAMETOOLONG: 'the path is too long',
  E2BIG: 'the command and its environment are too long: use a file',
  ERR_INVALID_ARG_VALUE: 'an argument cannot be given to a process',
};

export function spawnFailure(command: string, { code, message }: SpawnError): SpawnFailure {
  const transient = TRANSIENT[code];
  if (transient !== undefined) return { kind: 'transient', message: `cannot start ${command}: ${transient} (${code})` };
  const host = HOST[code];
  if (host !== undefined) return { kind: 'host', message: `cannot start ${command}: ${host} (${code})` };
  const permanent = PERMANENT[code];
  if (permanent !== undefined) return { kind: 'permanent', message: `cannot start ${command}: ${permanent} (${code})` };
  return { kind: 'failure', message: `cannot start ${command}: ${message}` };
}
