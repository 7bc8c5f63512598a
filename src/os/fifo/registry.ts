// Which FIFOs are opsd's own, and for whom: whatever a service does to owner and mode of its output, the next opsd knows it.

import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../errors.ts';
import { readOwnFile } from '../files/own-file.ts';
import { replaceFile } from '../files/replace-file.ts';
import type { Log } from '../own-log/logger.ts';

/** 10,000 services take 1 MB. */
const LARGEST = 16 << 20;
const VERSION = 1;

/** What chmod(2) and chown(2) leave alone. An inode's number is used again some time, but not with the same time of birth. */
interface Entry {
  readonly ino: string;
  /** Nanoseconds; 0 where the file system keeps none. */
  readonly birth: string;
  /** The user of the service. */
  readonly uid: number;
}

export class FifoRegistry {
  readonly #path: string;
  readonly #log: Log;
  readonly #entries = new Map<string, Entry>();
  #isSaved = true;
  #isFailing = false;

  /** Reads what the opsd before has written down. A file that cannot be believed costs nothing but what it knew. */
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
    this.#log.warn('the list of the FIFOs that opsd made is not believed: one that a service gave away is refused', {
      path: this.#path,
      why: codeOf(error) === 'ELOOP' ? 'it is a symlink' : String(error instanceof Error ? error.message : error),
    });
  }

  /** The user that this very FIFO was made for; null: it is none that opsd knows. */
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

  /** Of all others there is no FIFO any more. */
  keepOnly(services: ReadonlySet<string>): void {
    for (const service of this.#entries.keys()) if (!services.has(service)) this.forget(service);
  }

  /** Where it cannot be written that is said once, and the caller is to try again later. Writes nothing where all is written. */
  save(): void {
    if (this.#isSaved) return;
    const text = JSON.stringify({ version: VERSION, fifos: Object.fromEntries(this.#entries) });
    try {
      replaceFile(this.#path, `${text}\n`, 0o600);
      this.#isSaved = true;
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        this.#log.error('cannot write the list of FIFOs; what services give away of them, the next opsd will refuse', {
          path: this.#path,
          why: error instanceof Error ? error.message : String(error),
        });
      }
      this.#isFailing = true;
    }
  }
}

function parse(text: string): readonly (readonly [string, Entry])[] {
  const found: unknown = JSON.parse(text);
  if (!isObject(found) || found.version !== VERSION || !isObject(found.fifos)) {
    throw new Error(`it is not a list of version ${VERSION}`);
  }
  return Object.entries(found.fifos).filter((pair): pair is [string, Entry] => isEntry(pair[1]));
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isEntry(value: unknown): value is Entry {
  return (
    isObject(value) &&
    typeof value.ino === 'string' &&
    typeof value.birth === 'string' &&
    Number.isSafeInteger(value.uid) &&
    Number(value.uid) >= 0
  );
}
