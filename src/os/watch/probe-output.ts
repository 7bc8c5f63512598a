// The last words of a command that probes: it writes into a pipe that opsd reads, and nothing but the end is kept.

import { closeSync, fchownSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { stripVTControlCharacters } from 'node:util';
import { loadForeign } from '../proc/ffi.ts';

const FUNCTIONS = { pipe2: { arguments: ['pointer', 'i32'], return: 'i32' } } as const;
const O_CLOEXEC = 0o2000000;
/** Bytes; the lines that begin within the last ones are kept. */
const MOST_KEPT = 4_096;
/** Longer than 64 bytes: V8 keeps such a buffer outside of its heap, at an address that does not change. */
const ENDS = new Int32Array(new ArrayBuffer(128));

let makePipe: (() => boolean) | null = null;

interface ProbeOutput extends Disposable {
  /** For stdout and stderr of the command. */
  readonly fd: number | 'ignore';
  /** The command has its own copy of the descriptor. */
  spawned(): void;
  /** What was written last, whole lines of plain text; empty: nothing. */
  last(): string;
}

const NOTHING: ProbeOutput = { fd: 'ignore', spawned() {}, last: () => '', [Symbol.dispose]() {} };

/** `uid`: of the command, which may open /dev/stderr again (edge case N18). Without node:ffi nothing is kept. */
export function openProbeOutput(uid: number): ProbeOutput {
  makePipe ??= pipes();
  if (!makePipe()) return NOTHING;
  const [reading = -1, writing = -1] = ENDS;
  let isHeld = true;
  const release = () => {
    if (isHeld) closeSync(writing);
    isHeld = false;
  };
  try {
    if (uid !== process.geteuid?.()) fchownSync(writing, uid, -1);
  } catch {
    // The command can write to its descriptors, only not open them again.
  }
  const socket = new Socket({ fd: reading, readable: true, writable: false });
  let kept = Buffer.alloc(0);
  let isCut = false;
  const keep = (bytes: Buffer) => {
    const all = Buffer.concat([kept, bytes]);
    isCut ||= all.length > MOST_KEPT;
    kept = all.subarray(Math.max(0, all.length - MOST_KEPT));
  };
  socket.on('data', keep);
  socket.on('error', () => socket.destroy());
  socket.unref();
  return {
    fd: writing,
    spawned: release,
    last() {
      if (!socket.destroyed) drain(reading, keep);
      const text = kept.toString('utf8');
      // Of a line that was cut nothing is told: its beginning may have been a part of a secret.
      return plain(isCut ? text.slice(text.indexOf('\n') + 1 || text.length) : text);
    },
    [Symbol.dispose]() {
      release();
      socket.destroy();
    },
  };
}

/** What the command wrote before its end may not have been read yet. */
function drain(fd: number, keep: (bytes: Buffer) => void): void {
  const chunk = Buffer.alloc(65_536);
  try {
    for (let length = readSync(fd, chunk); length > 0; length = readSync(fd, chunk)) {
      keep(Buffer.from(chunk.subarray(0, length)));
      if (length < chunk.length) break;
    }
  } catch {
    // EAGAIN: all was read.
  }
}

function plain(text: string): string {
  const lines = stripVTControlCharacters(text).split(/[\r\n]+/);
  return lines
    .map((line) => line.replace(/\p{Cc}/gu, ' ').trim())
    .filter((line) => line !== '')
    .join('\n');
}

function pipes(): () => boolean {
  const ffi = loadForeign();
  if (ffi === null) return () => false;
  try {
    const c = ffi.dlopen(null, FUNCTIONS).functions;
    const ends = ffi.getRawPointer(ENDS.buffer);
    return () => c.pipe2(ends, O_CLOEXEC) === 0;
  } catch {
    return () => false;
  }
}
