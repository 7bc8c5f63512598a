// A text that a new process finds on descriptor 0: in no folder, of any length, and whole whatever becomes of opsd.

import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadForeign } from '../proc/ffi.ts';

const FUNCTIONS = { memfd_create: { arguments: ['pointer', 'u32'], return: 'i32' } } as const;

const MFD_CLOEXEC = 1;
/** Nobody executes it (Linux 6.3; an older kernel does not know the flag). */
const MFD_NOEXEC_SEAL = 8;
/** More than 64 bytes, so that V8 keeps them outside of its heap. */
const NAME = new Uint8Array(new ArrayBuffer(128));
new TextEncoder().encodeInto('opsd', NAME);

let makeMemoryFile: (() => number) | null = null;

interface Input extends Disposable {
  readonly fd: number | 'ignore';
}

/**
 * The caller disposes it once the process has its own copy of the descriptor. The text lies in memory (memfd_create(2)):
 * a pipe has room for 64 KiB and breaks off when opsd is killed, and a disk may be full. Where this Node cannot ask for
 * that, it lies in a file of `folder` that has lost its name before anything is written. Throws what the system says.
 */
export function openInput(text: string | null, folder: string): Input {
  if (text === null) return { fd: 'ignore', [Symbol.dispose]() {} };
  makeMemoryFile ??= memoryFiles();
  const made = makeMemoryFile();
  const fd = made < 0 ? namelessFile(folder) : made;
  try {
    const bytes = Buffer.from(text);
    // With an offset given, that of the descriptor stays at the beginning, where its reader begins.
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

/** What it gives makes one; below 0: there is none to be had. */
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
