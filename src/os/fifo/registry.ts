// The registry of the FIFOs that opsd made, and for which user: the next opsd recognizes them whatever a service did to
// owner and mode.

import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../errors.ts';
import { readOwnFile } from '../files/own-file.ts';
import { replaceFile } from '../files/replace-file.ts';
import type { Log } from '../own-log/logger.ts';

/** Bytes; 10,000 services take 1 MB. */
const LARGEST = 16 << 20;
const VERSION = 1;

/** What chmod(2) and chown(2) do not change. An inode number may be reused, but not with the same birth time. */
interface KnownFifo {
  readonly ino: string;
  /** Birth time in nanoseconds; 0: the file system keeps none. */
  readonly birth: string;
  /** The user id of the service. */
  readonly uid: number;
}

export class FifoRegistry {
  readonly #path: string;
  readonly #log: Log;
  readonly #entries = new Map<string, KnownFifo>();
  #isSaved = true;
  #isFailing = false;

  /** Reads the file of the previous opsd. A file that cannot be trusted is ignored. */
  constructor(runDir: string, log: Log) {
    this.#path = join(runDir, 'opsd.fifos.json');
    this.#log = log;
    try {
      for (const [service, entry] of parse(readOwnFile(this.#path, LARGEST))) this.#entries.set(service, entry);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#disbelieve(error);
    }
  }

  #disbelieve(error: unknown): void {
    this.#isSaved = false;
    this.#log.warn(
      'the list of output FIFOs is invalid and ignored: a FIFO whose owner or mode a service changed is rejected',
      {
        path: this.#path,
        why: codeOf(error) === 'ELOOP' ? 'it is a symlink' : String(error instanceof Error ? error.message : error),
      },
    );
  }

  /** The user id that this FIFO was made for; null: it is not in the registry. */
  ownerOf(service: string, found: BigIntStats): number | null {
    const entry = this.#entries.get(service);
    return entry && entry.ino === String(found.ino) && entry.birth === String(found.birthtimeNs) ? entry.uid : null;
  }

  note(service: string, found: BigIntStats, uid: number): void {
    if (this.ownerOf(service, found) === uid) return;
    this.#entries.set(service, { ino: String(found.ino), birth: String(found.birthtimeNs), uid });
    this.#isSaved = false;
  }

  forget(service: string): void {
    if (this.#entries.delete(service)) this.#isSaved = false;
  }

  /** Drops the entries of all other services, whose FIFOs are gone. */
  keepOnly(services: ReadonlySet<string>): void {
    for (const service of this.#entries.keys()) if (!services.has(service)) this.forget(service);
  }

  /** Writes the file if anything changed. A failure is logged once; the caller must try again later. */
  save(): void {
    if (this.#isSaved) return;
    const text = JSON.stringify({ version: VERSION, fifos: Object.fromEntries(this.#entries) });
    try {
      replaceFile(this.#path, `${text}\n`, 0o600);
      this.#isSaved = true;
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        this.#log.error(
          'cannot write the list of output FIFOs: the next opsd rejects a FIFO whose owner or mode a service changes',
          {
            path: this.#path,
            why: error instanceof Error ? error.message : String(error),
          },
        );
      }
      this.#isFailing = true;
    }
  }
}

function parse(text: string): readonly (readonly [string, KnownFifo])[] {
  const found: unknown = JSON.parse(text);
  if (!isObject(found) || found.version !== VERSION || !isObject(found.fifos)) {
    throw new Error(`expected a list of version ${VERSION}`);
  }
  return Object.entries(found.fifos).filter((pair): pair is [string, KnownFifo] => isEntry(pair[1]));
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isEntry(value: unknown): value is KnownFifo {
  return (
    isObject(value) &&
    typeof value.ino === 'string' &&
    typeof value.birth === 'string' &&
    Number.isSafeInteger(value.uid) &&
    Number(value.uid) >= 0
  );
}
