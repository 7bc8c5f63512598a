// Reads a text file of modest size whole, or says in one sentence why not.

import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { codeOf } from '../proc/identity.ts';

export type TextFile =
  | { readonly ok: true; readonly text: string; readonly stats: Stats }
  /** `why`: what is wrong and what to do. */
  | { readonly ok: false; readonly why: string; readonly isMissing: boolean };

/** `limit` in bytes. Never waits: a pipe in the place of a file is refused, not read. */
export function readTextFile(path: string, limit: number): TextFile {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return whyNotOpened(path, error);
  }
  try {
    const stats = fstatSync(descriptor);
    if (stats.isDirectory()) return refusal('is a directory; name a file in it');
    if (!stats.isFile()) return refusal('is no regular file; put a text file in its place');
    if (stats.size > limit) return refusal(`is larger than ${limit / 1024 ** 2} MiB; this cannot be the right file`);
    return decode(readAll(descriptor, stats.size), stats);
  } catch (error) {
    return refusal(`cannot be read (${codeOf(error)}); look at the disk it is on`);
  } finally {
    closeSync(descriptor);
  }
}

/** As many bytes as it had when it was looked at: what is appended meanwhile belongs to the next time. */
function readAll(descriptor: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let length = 0;
  while (length < size) {
    const count = readSync(descriptor, bytes, length, size - length, length);
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

function decode(bytes: Buffer, stats: Stats): TextFile {
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), stats };
  } catch {
    const before = bytes.toString('utf8').split('\ufffd', 1)[0] ?? '';
    return refusal(`is not UTF-8 text from line ${before.split('\n').length} on; convert it with iconv -t UTF-8`);
  }
}

function whyNotOpened(path: string, error: unknown): TextFile {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    if (isLink(path)) return refusal('is a symbolic link that leads nowhere; correct it, or remove it');
    return { ok: false, why: 'does not exist', isMissing: true };
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return refusal('may not be read by opsd; change its owner or its permissions, or those of a folder above it');
  }
  if (code === 'ELOOP') return refusal('is a symbolic link that leads to itself; correct it');
  if (code === 'ENXIO') return refusal('is no regular file; put a text file in its place');
  return refusal(`cannot be opened (${code})`);
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

function refusal(why: string): TextFile {
  return { ok: false, why, isMissing: false };
}
