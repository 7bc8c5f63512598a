// ${PREFIX}/data/opsd/scale.json: the numbers of instances that operators set (`opsd ctl scale`), kept over restarts
// and reboots.

import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { InstanceCounts } from '../../config/build/services.ts';
import { MOST_INSTANCES } from '../../config/schema/service-keys.ts';
import { codeOf } from '../../errors.ts';
import { replaceFile } from './replace-file.ts';

interface KeptScale {
  readonly counts: InstanceCounts;
  /** Problems of the file and what to do, one sentence each. */
  readonly troubles: readonly string[];
}

const LARGEST = 1 << 20;

/** `prefix`: ${PREFIX}. */
export function scalePath(prefix: string): string {
  return join(prefix, 'data/opsd/scale.json');
}

/** Never throws: invalid entries are left out, and the numbers of the configuration are used for them. */
export function readScale(path: string): KeptScale {
  const counts = new Map<string, number>();
  const trouble = (why: string) =>
    `${path} ${why}: instances are as many as the configuration says; remove the file, or scale anew with opsd ctl scale`;
  let entries: [string, unknown][];
  try {
    const value: unknown = JSON.parse(readOwn(path));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('is no JSON object');
    entries = Object.entries(value);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { counts, troubles: [] };
    return { counts, troubles: [trouble(whyUnread(error))] };
  }
  const wrong = entries.filter(([name, count]) => {
    const isRight = isCount(count);
    if (isRight) counts.set(name, count);
    return !isRight;
  });
  const [first] = wrong;
  if (first === undefined) return { counts, troubles: [] };
  const got = `${JSON.stringify(first[0]).slice(0, 80)}: ${JSON.stringify(first[1]).slice(0, 80)}`;
  return { counts, troubles: [trouble(`has ${got} in it, expected a number from 1 to ${MOST_INSTANCES}`)] };
}

/** Throws the system's error; the file is then unchanged. */
export function writeScale(path: string, counts: InstanceCounts): void {
  replaceFile(path, `${JSON.stringify(Object.fromEntries(counts))}\n`, 0o600);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MOST_INSTANCES;
}

/** Reads the file if only the owner of its folder can have written it. */
function readOwn(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw new Error('is not a file');
    const { uid } = lstatSync(dirname(path));
    if (found.uid !== uid) throw new Error(`belongs to uid ${found.uid}, and its folder to uid ${uid}`);
    if ((found.mode & 0o022) !== 0) throw new Error('can be written by others than opsd');
    if (found.size > LARGEST) throw new Error(`has more than ${LARGEST} bytes`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function whyUnread(error: unknown): string {
  if (error instanceof SyntaxError) return 'is not JSON';
  const code = codeOf(error);
  if (code === 'ELOOP') return 'is a symlink';
  if (code !== '') return `cannot be read (${code})`;
  return error instanceof Error ? error.message : String(error);
}
