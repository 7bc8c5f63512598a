// Gives a new process a text on descriptor 0: on no disk, of any length, and complete even if opsd is killed.

import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadForeign } from '../proc/ffi.ts';

const FUNCTIONS = { memfd_create: { arguments: ['pointer', 'u32'], return: 'i32' } } as const;

const MFD_CLOEXEC = 1;
/** The memory file cannot be executed. Linux 6.3; an older kernel refuses the flag. */
const MFD_NOEXEC_SEAL = 8;
/** More than 64 bytes: V8 keeps such a buffer outside of its heap, at an address that does not change. */
const NAME = new Uint8Array(new ArrayBuffer(128));
new TextEncoder().encodeInto('opsd', NAME);

let makeMemoryFile: (() => number) | null = null;

interface Input extends Disposable {
  readonly fd: number | 'ignore';
}

/**
 * The text lies in a memory file (memfd_create(2)): a pipe holds only 64 KiB and breaks when opsd is killed, and a disk
 * may be full. Without node:ffi it lies in a file in `folder` that is unlinked before anything is written. The caller
 * disposes the result when the process has its copy of the descriptor. Throws the system's error.
 */
export function openInput(text: string | null, folder: string): Input {
  if (text === null) return { fd: 'ignore', [Symbol.dispose]() {} };
  makeMemoryFile ??= memoryFiles();
  const made = makeMemoryFile();
  const fd = made < 0 ? namelessFile(folder) : made;
  try {
    const bytes = Buffer.from(text);
    // pwrite(2) leaves the descriptor's offset at 0, where the reader begins.
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

/**
 * Returns a function that makes a memory file; the function returns its descriptor, or a number below 0 when there is
 * none.
 */
function memoryFiles(): () => number {
  const ffi = loadForeign();
  if (ffi === null) return () => -1;
  try {
    const c = ffi.dlopen(null, FUNCTIONS).functions;
    const name = ffi.getRawPointer(NAME.buffer);
    return () => {
      const fd = c.memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
      return fd < 0 ? c.memfd_create(name, MFD_CLOEXEC) : fd;
    };
  } catch {
    return () => -1;
  }
}

let count = 0;

function namelessFile(folder: string): number {
  count += 1;
  const path = join(folder, `.${process.pid}.${count}.input`);
  const fd = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  return fd;
}
