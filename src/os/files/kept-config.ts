// ${PREFIX}/data/opsd/config-in-force.json: the texts of the configuration last in force, for an opsd that starts and
// finds the files broken.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { codeOf } from '../../errors.ts';
import { readOwnFile } from './own-file.ts';
import { replaceFile } from './replace-file.ts';

const VERSION = 1;
/** Bytes; a configuration of 1,000 services takes a quarter of a megabyte. */
const LARGEST = 32 << 20;
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
  /** Texts of the files that were read on behalf of services (`env_file`), as `MachineFacts` names them. */
  readonly texts: readonly (readonly [string, string])[];
  /** The environment variables that set keys. */
  readonly variables: Readonly<Record<string, string>>;
}

type Kept = { readonly ok: true; readonly kept: KeptConfig } | { readonly ok: false; readonly why: string };

/** `data`: ${PREFIX}/data/opsd. */
export function keptConfigPath(data: string): string {
  return join(data, 'config-in-force.json');
}

/** The text of the file; equal for equal configurations. */
export function keptText(kept: KeptConfig): string {
  const body = JSON.stringify(kept);
  return `{"version":${VERSION},"sha256":"${hashOf(body)}","kept":${body}}\n`;
}

/** env.toml is a part of it, so nobody but opsd may read it. Throws the error of the system. */
export function writeKeptConfig(path: string, text: string): void {
  if (Buffer.byteLength(text) > LARGEST) throw new Error(`it would have more than ${LARGEST >> 20} MiB`);
  replaceFile(path, text, 0o600);
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
