// ${PREFIX}/data/opsd/config-in-force.json: the texts of the configuration last in force, for an opsd that starts and
// finds the files broken.

import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../errors.ts';
import { readOwnFile } from './own-file.ts';
import { replaceFile } from './replace-file.ts';

const VERSION = 1;
/** Bytes; a configuration of 1,000 services takes a quarter of a megabyte. */
const LARGEST = 32 << 20;
/** Bytes of an env_file; a larger one belongs to a service's user, and is read anew where its text would be needed. */
const LARGEST_TEXT = 128 << 10;
/** Bytes of all env_files together as JSON, so that they never take the place of the configuration. */
const MOST_TEXTS = 8 << 20;
const TOO_LARGE = `it would have more than ${LARGEST >> 20} MiB`;
const SHAPE = /^\{"version":(\d{1,9}),"sha256":"([0-9a-f]{64})","kept":(\{.*\})\}\n$/s;

/** A file of the configuration as it was read. */
export interface KeptFile {
  readonly role: 'base' | 'include' | 'secret';
  /** Its path as problems name it. */
  readonly where: string;
  readonly text: string;
}

export interface KeptConfig {
  readonly files: readonly KeptFile[];
  /**
   * Texts of the files that were read on behalf of services (`env_file`), as `MachineFacts` names them, but for those
   * that are too large to be kept.
   */
  readonly texts: readonly (readonly [string, string])[];
  /** The environment variables that set keys. */
  readonly variables: Readonly<Record<string, string>>;
}

type Kept = { readonly ok: true; readonly kept: KeptConfig } | { readonly ok: false; readonly why: string };

/** `data`: ${PREFIX}/data/opsd. */
export function keptConfigPath(data: string): string {
  return join(data, 'config-in-force.json');
}

/** The text of the file; equal for equal configurations. Throws an Error if it would be too large. */
export function keptText({ files, texts, variables }: KeptConfig): string {
  const parts = [...files.map(({ where, text }) => [where, text]), ...Object.entries(variables)];
  const size = parts.flat().reduce((sum, part) => sum + Buffer.byteLength(part), 0);
  // JSON has up to six times as many characters, and a string has a limit, too.
  if (size > LARGEST) throw new Error(TOO_LARGE);
  const large = new Set(tooLarge(texts));
  const kept: KeptConfig = { files, texts: texts.filter(([key]) => !large.has(key)), variables };
  const body = JSON.stringify(kept);
  const text = `{"version":${VERSION},"sha256":"${hashOf(body)}","kept":${body}}\n`;
  if (Buffer.byteLength(text) > LARGEST) throw new Error(TOO_LARGE);
  return text;
}

/** The names of the texts that are not kept: too large alone, or with all those that are smaller. */
export function tooLarge(texts: KeptConfig['texts']): readonly string[] {
  const sizes = texts.map(([key, text]) => [key, Buffer.byteLength(key) + sizeOf(text)] as const);
  let sum = 0;
  return sizes
    .toSorted(([, one], [, other]) => one - other)
    .flatMap(([key, size]) => {
      sum += size;
      return sum > MOST_TEXTS ? [key] : [];
    });
}

/** Bytes as JSON; more than all may have: the text is too large alone. */
function sizeOf(text: string): number {
  return Buffer.byteLength(text) > LARGEST_TEXT ? MOST_TEXTS + 1 : Buffer.byteLength(JSON.stringify(text));
}

/** env.toml is a part of it, so nobody but opsd may read it. Throws the error of the system. */
export function writeKeptConfig(path: string, text: string): void {
  replaceFile(path, text, 0o600);
}

/** An earlier configuration would be the wrong one. Throws the error of the system. */
export function removeKeptConfig(path: string): void {
  rmSync(path, { force: true });
}

/** Never throws. */
export function readKeptConfig(path: string): Kept {
  let text: string;
  try {
    text = readOwnFile(path, LARGEST);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { ok: false, why: 'none is kept yet' };
    return { ok: false, why: error instanceof Error ? error.message : String(error) };
  }
  const [, version, hash, body = ''] = SHAPE.exec(text) ?? [];
  if (version === undefined) return { ok: false, why: 'it is not what opsd wrote, or it was cut off' };
  if (Number(version) !== VERSION) return { ok: false, why: `it has version ${version}, this opsd reads ${VERSION}` };
  if (hash !== hashOf(body)) return { ok: false, why: 'its hash is wrong' };
  try {
    const kept: unknown = JSON.parse(body);
    return isKept(kept) ? { ok: true, kept } : { ok: false, why: 'its contents are invalid' };
  } catch {
    return { ok: false, why: 'it is not JSON' };
  }
}

function hashOf(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

function isKept(value: unknown): value is KeptConfig {
  if (!isRecord(value)) return false;
  const { files, texts, variables } = value;
  return (
    Array.isArray(files) &&
    files.every(isKeptFile) &&
    Array.isArray(texts) &&
    texts.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isText)) &&
    isRecord(variables) &&
    Object.values(variables).every(isText)
  );
}

function isKeptFile(value: unknown): value is KeptFile {
  if (!isRecord(value)) return false;
  const { role, where, text } = value;
  return (role === 'base' || role === 'include' || role === 'secret') && isText(where) && isText(text);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
