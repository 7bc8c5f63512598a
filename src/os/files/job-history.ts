// The history of the runs of jobs, kept over reboots in ${PREFIX}/data/opsd/jobs.json.

import { join } from 'node:path';
import type { Log } from '../own-log/logger.ts';
import { readOwnFile } from './own-file.ts';
import { replaceFile } from './replace-file.ts';

/** All times in Unix milliseconds. */
export interface JobRecord {
  /** When the job last came due. */
  readonly dueAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly succeededAt: number | null;
  /** End of the last run, and its duration in milliseconds. */
  readonly lastEndAt: number | null;
  readonly took: number | null;
}

const NONE: JobRecord = { dueAt: null, startedAt: null, endedAt: null, succeededAt: null, lastEndAt: null, took: null };
const LARGEST = 1 << 20;

export class JobHistory {
  readonly #path: string;
  readonly #log: Log;
  readonly #records: Map<string, JobRecord>;

  constructor(dataDir: string, log: Log) {
    this.#path = join(dataDir, 'jobs.json');
    this.#log = log;
    this.#records = this.#load();
  }

  of(name: string): JobRecord | null {
    return this.#records.get(name) ?? null;
  }

  lastTimeOf(name: string): number | null {
    return this.of(name)?.dueAt ?? null;
  }

  cameDue(name: string, at: number): void {
    this.#note(name, { dueAt: at });
  }

  started(name: string, at: number): void {
    this.#note(name, { startedAt: at, endedAt: null });
  }

  ended(name: string, at: number, isSuccess: boolean): void {
    const startedAt = this.of(name)?.startedAt ?? null;
    const took = startedAt === null ? null : Math.max(0, at - startedAt);
    this.#note(name, {
      ...{ endedAt: at, lastEndAt: at, took },
      ...(isSuccess ? { succeededAt: at } : {}),
    });
  }

  #note(name: string, news: Partial<JobRecord>): void {
    this.#records.set(name, { ...(this.#records.get(name) ?? NONE), ...news });
    try {
      replaceFile(this.#path, `${JSON.stringify(Object.fromEntries(this.#records))}\n`, 0o600);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#log.warn('cannot save the runs of jobs: after a restart of opsd, catch_up does not know of them', {
        path: this.#path,
        why,
      });
    }
  }

  /** A file that cannot be read counts as empty: it is replaced at the next run. */
  #load(): Map<string, JobRecord> {
    const records = new Map<string, JobRecord>();
    let text: string;
    try {
      text = readOwnFile(this.#path, LARGEST);
    } catch {
      return records;
    }
    try {
      if (text.length > LARGEST) throw new Error(`it has more than ${LARGEST} bytes`);
      for (const [name, record] of Object.entries(JSON.parse(text))) {
        if (isRecord(record)) records.set(name, { ...NONE, ...record });
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#log.warn('cannot read the past runs of jobs', { path: this.#path, why });
    }
    return records;
  }
}

/** The latest time that a Date can hold (ECMA-262): later ones can neither be shown nor computed with. */
const LAST_INSTANT = 8.64e15;

/** Fields may be missing in a file of an earlier version. */
function isRecord(value: unknown): value is Partial<JobRecord> {
  if (typeof value !== 'object' || value === null) return false;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  return Object.keys(NONE).every((key) => fields[key] == null || isInstant(fields[key]));
}

function isInstant(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= LAST_INSTANT;
}
