// Has a heartbeat file changed since the last look? One stat a look, no watcher: a thousand beats cost nothing in between.

import type { BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { unixNow } from '../../runtime/clock.ts';
import type { Heartbeats, Report } from '../../runtime/ports.ts';
import { BackgroundLooks } from './background-looks.ts';

/** What a beat changes. The times in it are only compared with themselves: they may lie in the future or go backwards. */
interface Signature {
  readonly mtimeNs: bigint;
  readonly ino: bigint;
  readonly size: bigint;
}

interface Watched {
  readonly generation: number;
  readonly file: string;
  /** Of the service's user; null: opsd has no right that the service has not. */
  readonly uid: number | null;
  /** On the wall clock, in milliseconds, as the times of files are. */
  readonly begunAt: number;
  /** null: there was no file; undefined: the first look is not over. */
  seen: Signature | null | undefined;
  /** The folder of the file, where it does not exist: nobody can beat there. */
  missingFolder: string | null;
}

export class HeartbeatFiles implements Heartbeats {
  readonly #report: Report;
  readonly #uidOf: (service: string) => number | null;
  readonly #looks: BackgroundLooks;
  readonly #watched = new Map<string, Watched>();

  /** `uidOf`: whom a service runs as; null: nobody knows. */
  constructor(report: Report, uidOf: (service: string) => number | null, looks = new BackgroundLooks()) {
    this.#report = report;
    this.#uidOf = uidOf;
    this.#looks = looks;
  }

  begin(service: string, generation: number, file: string): void {
    this.#watch(service, generation, file);
  }

  /**
   * A file that disappears is no beat; one that appears is. The first look at a file that `begin` was not told of is none.
   * Where the file cannot be looked at because its disk does not answer, there is no beat either.
   */
  look(service: string, generation: number, file: string): void {
    const watched = this.#watched.get(service);
    if (watched?.generation !== generation || watched.file !== file) {
      this.#watch(service, generation, file);
      this.#report({ type: 'heartbeat_checked', service, generation, changed: false });
      return;
    }
    const isAsked = this.#looks.ask(file, watched.uid ?? 0, (found, isMissing) => {
      if (this.#watched.get(service) !== watched) return;
      this.#noteFolder(watched, isMissing);
      const now = signatureOf(found, watched);
      const before = watched.seen;
      watched.seen = now;
      const changed = before === undefined ? isFresh(now, watched) : isBeat(before, now);
      this.#report({ type: 'heartbeat_checked', service, generation, changed });
    });
    if (!isAsked) this.#report({ type: 'heartbeat_checked', service, generation, changed: false });
  }

  missingFolderOf(service: string): string | null {
    return this.#watched.get(service)?.missingFolder ?? null;
  }

  #watch(service: string, generation: number, file: string): void {
    const before = this.#watched.get(service);
    if (before !== undefined && before.file !== file) this.#looks.forget(before.file);
    const uid = process.geteuid?.() === 0 ? this.#uidOf(service) : null;
    const begunAt = unixNow();
    const watched: Watched = { generation, file, uid, begunAt, seen: undefined, missingFolder: null };
    this.#watched.set(service, watched);
    this.#looks.ask(file, uid ?? 0, (found, isMissing) => {
      if (this.#watched.get(service) !== watched || watched.seen !== undefined) return;
      this.#noteFolder(watched, isMissing);
      const now = signatureOf(found, watched);
      watched.seen = isFresh(now, watched) ? null : now;
    });
  }

  #noteFolder(watched: Watched, isFileMissing: boolean): void {
    if (!isFileMissing) watched.missingFolder = null;
    else {
      const folder = dirname(watched.file);
      this.#looks.ask(folder, watched.uid ?? 0, (_found, isMissing) => {
        watched.missingFolder = isMissing ? folder : null;
      });
    }
  }
}

/**
 * Only what the service can have made itself is its heartbeat: a regular file of its user, or one of root that others may
 * write to. So a link of its own to somebody else's file tells it, and who looks at its last beat, nothing.
 */
function signatureOf(found: BigIntStats | null, { uid }: Watched): Signature | null {
  if (!found?.isFile()) return null;
  const owner = Number(found.uid);
  const isTheirs = uid === null || uid === 0 || owner === uid || (owner === 0 && (Number(found.mode) & 0o022) !== 0);
  return isTheirs ? found : null;
}

/** The first look may be over only after the service has beaten: no file that was there before is of a later time, but for one of the future. */
function isFresh(now: Signature | null, { begunAt }: Watched): boolean {
  const changedAt = now === null ? 0 : Number(now.mtimeNs / 1_000_000n);
  return changedAt > begunAt && changedAt <= unixNow();
}

function isBeat(before: Signature | null, now: Signature | null): boolean {
  if (now === null) return false;
  return before === null || now.mtimeNs !== before.mtimeNs || now.ino !== before.ino || now.size !== before.size;
}
