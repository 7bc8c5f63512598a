// The path of the control socket: taken only if no daemon listens there, removed only if it is opsd's own.

import { chmodSync, chownSync, lstatSync, mkdirSync, renameSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf, RuntimeError } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { LONGEST_SOCKET_PATH } from '../../text/socket-path.ts';

interface UnixSocketOptions {
  readonly path: string;
  readonly mode: number;
  /** Id of the group; null: the group of opsd. */
  readonly gid: number | null;
  /** Makes a server that does not listen yet; called again when the socket has to be restored. */
  readonly makeServer: () => Server;
  readonly log: (level: 'warn' | 'error', message: string, fields: Readonly<Record<string, string>>) => void;
  /** How often to check that the socket still exists. */
  readonly lookEvery: Millis;
  readonly clock: Clock;
}

/** How long the daemon at the socket may take to accept a connection; after that it counts as alive but busy. */
const PROBE_LIMIT: Millis = 1_000;

/**
 * Listens at `path` until disposed. Throws RuntimeError if another daemon listens there, or the path cannot be used.
 */
export async function listenOnUnixSocket(options: UnixSocketOptions): Promise<AsyncDisposable> {
  const { gid, log, path } = options;
  const draft = join(dirname(path), `.s${process.pid}`);
  const longest = Buffer.byteLength(draft) > Buffer.byteLength(path) ? draft : path;
  if (Buffer.byteLength(longest) > LONGEST_SOCKET_PATH) {
    throw new RuntimeError(
      `the path of the control socket is too long: ${longest} has ${Buffer.byteLength(longest)} bytes, ` +
        `a unix socket's may have ${LONGEST_SOCKET_PATH}; choose a shorter PREFIX`,
    );
  }
  await clear(path, options.clock);

  let server = options.makeServer();
  let inode = await bind(server, draft, path, options.mode, gid);
  let restoring: Promise<void> | null = null;
  let failing = false;
  const guard = options.clock.every(options.lookEvery, () => {
    const there = inodeOf(path);
    if (there === inode || restoring !== null) return;
    if (there !== null) return complain("somebody else's file is in its place; opsd ctl cannot reach this daemon");
    restoring = restore()
      .catch((error: Error) => complain(error.message))
      .finally(() => {
        restoring = null;
      });
  });
  async function restore(): Promise<void> {
    const next = options.makeServer();
    inode = await bind(next, draft, path, options.mode, gid);
    server.close();
    server = next;
    failing = false;
    log('warn', 'the control socket was removed; created again', { path });
  }
  function complain(message: string): void {
    if (!failing) log('error', 'cannot restore the control socket', { path, error: message });
    failing = true;
  }

  return {
    async [Symbol.asyncDispose]() {
      guard[Symbol.dispose]();
      await restoring;
      if (inodeOf(path) === inode) removeFile(path);
      server.close();
    },
  };
}

/**
 * Makes sure that no daemon listens at `path`: removes a socket that refuses connections; anything else is an error.
 */
async function clear(path: string, clock: Clock): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new RuntimeError(`${path} is in the way of the control socket and is not a socket; move it away`);
  }
  const answer = await probe(path, clock);
  if (answer === 'ECONNREFUSED') unlinkSync(path);
  else if (answer === 'alive') {
    throw new RuntimeError(
      `another opsd answers on ${path}; stop it with: opsd ctl --socket ${path} shutdown - or choose another PREFIX`,
    );
  } else if (answer !== 'ENOENT') {
    throw new RuntimeError(`cannot tell whether an opsd lives at ${path}: ${answer}; remove the file if none does`);
  }
}

/** `alive`, or the code of the error of connect(2). */
async function probe(path: string, clock: Clock): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  using patience = clock.alarm(() => resolve('alive'));
  patience.set(PROBE_LIMIT);
  const socket = connect(path);
  socket.once('connect', () => resolve('alive'));
  socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

/** Binds to a temporary name and renames it: so a socket at `path` always has its mode and a listening server. */
async function bind(server: Server, draft: string, path: string, mode: number, gid: number | null): Promise<bigint> {
  try {
    mkdirSync(dirname(path), { recursive: true });
    removeFile(draft);
    await listen(server, draft);
    if (gid !== null) chownSync(draft, -1, gid);
    chmodSync(draft, mode);
    const inode = inodeOf(draft);
    renameSync(draft, path);
    if (inode === null) throw new Error(`${draft} vanished`);
    return inode;
  } catch (error) {
    server.close();
    throw cannotBind(path, error);
  }
}

/** The umask keeps other users from connecting before the chmod; listen() on a path binds before it returns. */
function listen(server: Server, path: string): Promise<void> {
  const umask = process.umask(0o177);
  try {
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } finally {
    process.umask(umask);
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function cannotBind(path: string, error: unknown): RuntimeError {
  const why = error instanceof Error ? error.message : String(error);
  const remedy = ['EPERM', 'EACCES'].includes(codeOf(error))
    ? `opsd must be able to write to ${dirname(path)}, and be in daemon.socket_group`
    : `see that ${dirname(path)} is a writable folder on a file system with room`;
  return new RuntimeError(`cannot make the control socket ${path}: ${why}; ${remedy}`);
}

/** null: nothing is there, or it cannot be read. */
function inodeOf(path: string): bigint | null {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
  } catch {
    return null;
  }
}
