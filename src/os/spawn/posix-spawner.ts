// Spawns through posix_spawn(3) and reaps its children: the memory of opsd is not copied for a child that calls exec at
// once.

import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { nameOfSignal } from '../../text/signals.ts';
import { loadForeign } from '../proc/ffi.ts';
import { Child } from '../proc/signals.ts';
import { findProgram } from './preflight.ts';
import type { ChildSpec, ExitCallbacks, Spawner } from './spawner.ts';

/**
 * Node's own spawn is fork(2) and exec(2): the kernel copies the page tables of a daemon of 100 MB, and then each page
 * that opsd writes to. posix_spawn(3) shares the memory until the exec: a start costs a tenth.
 */
const FUNCTIONS = {
  posix_spawn: { arguments: ['pointer', 'pointer', 'pointer', 'pointer', 'pointer', 'pointer'], return: 'i32' },
  posix_spawnattr_init: { arguments: ['pointer'], return: 'i32' },
  posix_spawnattr_setflags: { arguments: ['pointer', 'i16'], return: 'i32' },
  posix_spawnattr_setsigdefault: { arguments: ['pointer', 'pointer'], return: 'i32' },
  posix_spawnattr_setsigmask: { arguments: ['pointer', 'pointer'], return: 'i32' },
  posix_spawn_file_actions_init: { arguments: ['pointer'], return: 'i32' },
  posix_spawn_file_actions_destroy: { arguments: ['pointer'], return: 'i32' },
  posix_spawn_file_actions_adddup2: { arguments: ['pointer', 'i32', 'i32'], return: 'i32' },
  posix_spawn_file_actions_addchdir_np: { arguments: ['pointer', 'pointer'], return: 'i32' },
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  waitid: { arguments: ['i32', 'i32', 'pointer', 'i32'], return: 'i32' },
  waitpid: { arguments: ['i32', 'pointer', 'i32'], return: 'i32' },
} as const;

const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const F_DUPFD_CLOEXEC = 1030;
const P_ALL = 0;
const P_PID = 1;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x0100_0000;
/** Offset of si_pid in siginfo_t on 64-bit Linux. */
const SI_PID = 16;
/** Bytes; posix_spawnattr_t, posix_spawn_file_actions_t, sigset_t and siginfo_t of glibc and musl are smaller. */
const STRUCT = 512;
/** Above all descriptors that a child gets. */
const SPARE_DESCRIPTOR = 64;
const ROOM = 64 * 1024;
/** Hardly any service needs more: a larger buffer is freed after the spawn. */
const MOST_ROOM = 1024 * 1024;

type Foreign = NonNullable<ReturnType<typeof loadForeign>>;
type Functions = ReturnType<typeof bind>;

const bind = (ffi: Foreign) => ffi.dlopen(null, FUNCTIONS).functions;

/** null: this Node has no node:ffi, or this C library lacks one of the functions. */
export function loadPosixSpawner(): Spawner | null {
  const ffi = loadForeign();
  if (ffi === null) return null;
  try {
    return new PosixSpawner(ffi, bind(ffi));
  } catch {
    return null;
  }
}

class PosixSpawner implements Spawner {
  readonly #ffi: Foreign;
  readonly #c: Functions;
  readonly #children = new Map<number, { readonly child: Child; readonly callbacks: ExitCallbacks }>();
  readonly #attributes: Memory;
  readonly #actions: Memory;
  /** Buffer for a PID, a wait status, or a siginfo_t. */
  readonly #answer: Memory;
  #words: Memory;
  readonly #null = openSync('/dev/null', 'r+');
  readonly #reap = () => this.#reapAll();
  readonly reapOrphan = (pid: number): void => {
    if (!this.#children.has(pid)) this.#c.waitpid(pid, this.#answer.at, WNOHANG);
  };
  #isOver = false;

  constructor(ffi: Foreign, c: Functions) {
    this.#ffi = ffi;
    this.#c = c;
    this.#attributes = new Memory(ffi, STRUCT);
    this.#actions = new Memory(ffi, STRUCT);
    this.#answer = new Memory(ffi, STRUCT);
    this.#words = new Memory(ffi, ROOM);
    const signals = new Memory(ffi, STRUCT);
    c.posix_spawnattr_init(this.#attributes.at);
    c.posix_spawnattr_setflags(this.#attributes.at, SETSIGDEF | SETSIGMASK | SETSID);
    c.posix_spawnattr_setsigmask(this.#attributes.at, signals.at);
    signals.bytes.fill(0xff);
    c.posix_spawnattr_setsigdefault(this.#attributes.at, signals.at);
    process.on('SIGCHLD', this.#reap);
  }

  spawn(spec: ChildSpec, callbacks: ExitCallbacks): Child | null {
    const [name, ...args] = spec.command;
    const path = findProgram(name, spec.cwd, spec.environment.PATH ?? '');
    let errno = path === null ? constants.errno.ENOENT : this.#execute(path, spec.command, spec);
    // Like execvp(3): a file that is neither a binary nor a script with an interpreter line is run by the shell.
    if (errno === constants.errno.ENOEXEC && path !== null)
      errno = this.#execute('/bin/sh', ['/bin/sh', path, ...args], spec);
    if (errno !== 0) {
      const code = getSystemErrorName(-errno);
      process.nextTick(() => {
        if (!this.#isOver) callbacks.onError({ code, message: `spawn ${name} ${code}` });
      });
      return null;
    }
    const child = new Child(this.#answer.view.getInt32(0, true), 'us');
    this.#children.set(child.pid, { child, callbacks });
    return child;
  }

  /** 0 on success, with the PID in `#answer`; else the errno. */
  #execute(path: string, command: readonly string[], spec: ChildSpec): number {
    const environment = Object.entries(spec.environment).map(([key, value]) => `${key}=${value}`);
    const texts = [path, spec.cwd, ...command, ...environment];
    const pointers = command.length + environment.length + 2;
    const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, pointers * 8);
    if (this.#words.bytes.length < size) this.#words = new Memory(this.#ffi, size);
    const words = this.#words.write(texts, pointers * 8);
    const argv = this.#words.list(words.slice(2, 2 + command.length), 0);
    const envp = this.#words.list(words.slice(2 + command.length), (command.length + 1) * 8);
    const [pathAt = 0n, cwdAt = 0n] = words;
    const lifted: number[] = [];
    const actions = this.#actions.at;
    this.#c.posix_spawn_file_actions_init(actions);
    try {
      this.#c.posix_spawn_file_actions_addchdir_np(actions, cwdAt);
      const sources = this.#sourcesOf(spec);
      for (const [target, source] of sources.entries()) {
        const from = source < sources.length && source !== target ? this.#lift(source, lifted) : source;
        this.#c.posix_spawn_file_actions_adddup2(actions, from, target);
      }
      return this.#c.posix_spawn(this.#answer.at, pathAt, actions, this.#attributes.at, argv, envp);
    } finally {
      this.#c.posix_spawn_file_actions_destroy(actions);
      for (const descriptor of lifted) closeSync(descriptor);
      if (this.#words.bytes.length > MOST_ROOM) this.#words = new Memory(this.#ffi, ROOM);
    }
  }

  #sourcesOf({ stdin, stdout, stderr, descriptors }: ChildSpec): readonly number[] {
    const of = (output: number | 'ignore' | 'inherit', own: number) =>
      output === 'ignore' ? this.#null : output === 'inherit' ? own : output;
    return [of(stdin, 0), of(stdout, 1), of(stderr, 2), ...descriptors];
  }

  /** Copies the descriptor above all targets, so that no dup2 before its own overwrites it. */
  #lift(source: number, lifted: number[]): number {
    const copy = this.#c.fcntl(source, F_DUPFD_CLOEXEC, SPARE_DESCRIPTOR);
    if (copy < 0) return source;
    lifted.push(copy);
    return copy;
  }

  /**
   * One SIGCHLD may stand for the exits of many children. waitid(2) names one of them; if that is a child of Node, it
   * hides the others, which are then asked for one by one.
   */
  #reapAll(): void {
    while (this.#children.size > 0) {
      const pid = this.#deadOf(P_ALL, 0);
      if (pid === 0) return;
      if (pid === null || !this.#reapOne(pid)) break;
    }
    for (const pid of [...this.#children.keys()]) {
      const dead = this.#deadOf(P_PID, pid);
      if (dead === pid) this.#reapOne(pid);
      if (dead === null) this.#lost(pid);
    }
  }

  /** PID of a dead child that is not reaped yet; 0: all live; null: there are no children. */
  #deadOf(which: number, pid: number): number | null {
    this.#answer.view.setInt32(SI_PID, 0, true);
    if (this.#c.waitid(which, pid, this.#answer.at, WEXITED | WNOHANG | WNOWAIT) !== 0) return null;
    return this.#answer.view.getInt32(SI_PID, true);
  }

  /** Reaps a dead child. False: this spawner did not start it. */
  #reapOne(pid: number): boolean {
    const known = this.#children.get(pid);
    if (known === undefined) return false;
    known.callbacks.onDeath?.();
    if (this.#c.waitpid(pid, this.#answer.at, WNOHANG) !== pid) this.#lost(pid);
    else tell(this.#forget(pid), this.#answer.view.getInt32(0, true));
    return true;
  }

  /** Somebody else reaped the child, such as a library with its own SIGCHLD handler. */
  #lost(pid: number): void {
    this.#forget(pid)?.onExit(null, null);
  }

  #forget(pid: number): ExitCallbacks | null {
    const known = this.#children.get(pid);
    known?.child.reaped();
    this.#children.delete(pid);
    return known?.callbacks ?? null;
  }

  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    process.off('SIGCHLD', this.#reap);
    this.#children.clear();
    closeSync(this.#null);
  }
}

/** `status`: the wait status of wait(2). */
function tell(callbacks: ExitCallbacks | null, status: number): void {
  const signal = status & 0x7f;
  if (signal === 0) callbacks?.onExit((status >> 8) & 0xff, null);
  else callbacks?.onExit(null, nameOfSignal(signal) ?? `SIG${signal}`);
}

/** Bytes at a fixed address: more than 64, so that V8 keeps them outside of its heap. */
class Memory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  readonly at: bigint;

  constructor(ffi: Foreign, size: number) {
    const buffer = new ArrayBuffer(size);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.at = ffi.getRawPointer(buffer);
  }

  /** Writes NUL-terminated texts one after the other from `offset` on; returns their addresses. */
  write(texts: readonly string[], offset: number): bigint[] {
    let next = offset;
    return texts.map((text) => {
      const start = next;
      next += encoder.encodeInto(text, this.bytes.subarray(next)).written;
      this.bytes[next++] = 0;
      return this.at + BigInt(start);
    });
  }

  /** Writes a null-terminated array of addresses at `offset`; returns its address. */
  list(addresses: readonly bigint[], offset: number): bigint {
    for (const [index, address] of addresses.entries()) this.view.setBigUint64(offset + index * 8, address, true);
    this.view.setBigUint64(offset + addresses.length * 8, 0n, true);
    return this.at + BigInt(offset);
  }
}

const encoder = new TextEncoder();
