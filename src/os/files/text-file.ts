// Reads a small text file as a whole, or says in one sentence why it cannot.

import { closeSync, constants, readSync, type Stats } from 'node:fs';
import { codeOf } from '../../errors.ts';
import { DistrustedPath, type FoundPath, find, hold, lookAt } from '../trust/foreign-path.ts';
import { type Credentials, mayRead } from '../trust/permissions.ts';

export type TextFile =
  | { readonly ok: true; readonly text: string; readonly stats: Stats }
  /** `why`: what is wrong, and what to do. */
  | { readonly ok: false; readonly why: string; readonly isMissing: boolean };

/** The user on whose behalf a file is read; `name` is for messages. */
export interface ReadingUser {
  readonly credentials: Credentials;
  readonly name: string;
}

/**
 * Never blocks: a FIFO in place of a file is refused, not opened. `limit`: bytes. `reader`: the user who learns the
 * text; then the file must belong to that user or root, and be readable by the user. null: opsd itself.
 */
export function readTextFile(path: string, limit: number, reader: ReadingUser | null = null): TextFile {
  let found: FoundPath;
  try {
    found = reader === null ? hold(path) : find(path, new Set([0, reader.credentials.uid]));
  } catch (error) {
    return whyNotFound(path, error);
  }
  using held = found;
  const { stats } = held;
  if (stats.isDirectory()) return refusal('is a directory; name a file in it');
  if (!stats.isFile()) return refusal('is no regular file; put a text file in its place');
  if (reader !== null) {
    const doubt = doubtOn(path, held, reader);
    if (doubt !== null) return refusal(doubt);
  }
  if (stats.size > limit) return refusal(`is larger than ${limit / 1024 ** 2} MiB; this cannot be the right file`);
  return read(path, held);
}

function doubtOn(path: string, found: FoundPath, { credentials, name }: ReadingUser): string | null {
  const { uid, mode } = found.stats;
  if (uid !== 0 && uid !== credentials.uid) {
    return `belongs to user ${uid}, neither to root nor to user ${name}, for whom it is read; chown root ${path}`;
  }
  if ((mode & 0o002) !== 0) return `can be written by everybody; chmod o-w ${path}`;
  if (mayRead(found, credentials)) return null;
  return `may not be read by user ${name}, for whom it is read; change its group or its permissions, or those of a folder above it`;
}

function read(path: string, found: FoundPath): TextFile {
  let descriptor: number;
  try {
    descriptor = found.open(constants.O_RDONLY);
  } catch (error) {
    return whyNotFound(path, error);
  }
  try {
    return decode(readAll(descriptor, found.stats.size), found.stats);
  } catch (error) {
    return refusal(`cannot be read (${codeOf(error)}); check the disk it is on`);
  } finally {
    closeSync(descriptor);
  }
}

/** Reads as many bytes as the file had when it was opened: what is appended meanwhile is for the next read. */
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

function whyNotFound(path: string, error: unknown): TextFile {
  if (error instanceof DistrustedPath) return refusal(`is not opened: ${error.message}`);
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
    return lookAt(path)?.isSymbolicLink() ?? false;
  } catch {
    return false;
  }
}

function refusal(why: string): TextFile {
  return { ok: false, why, isMissing: false };
}
