// Checks whether a heartbeat file has changed since the last check: one stat(2) each time and no watcher, so heartbeats
// between two checks cost nothing.

import type { BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../runtime/clock.ts';
import type { Heartbeats, Report } from '../../runtime/ports.ts';
import { BackgroundStat, type StatRequest } from './background-stat.ts';

/** What a heartbeat changes. Times are only compared with each other: they may lie in the future or go backwards. */
interface FileSignature {
  readonly mtimeNs: bigint;
  readonly ino: bigint;
  readonly size: bigint;
}

interface WatchedFile {
  readonly generation: number;
  readonly file: string;
  /** The user id of the service; null: opsd has no privilege that the service has not. */
  readonly uid: number | null;
  /** Unix milliseconds, like the times of files. */
  readonly begunAt: number;
  /** null: there was no file; undefined: the first check is not over. */
  seen: FileSignature | null | undefined;
  /** The folder of the file if it does not exist: the service cannot write a heartbeat there. */
  missingFolder: string | null;
  /** How the last check went. */
  asked: StatRequest;
}

export class HeartbeatFiles implements Heartbeats {
  readonly #report: Report;
  readonly #clock: Clock;
  readonly #uidOf: (service: string) => number | null;
  readonly #stat: BackgroundStat;
  readonly #watched = new Map<string, WatchedFile>();

  /** `uidOf`: the user id that a service runs as; null: unknown. */
  constructor(
    report: Report,
    uidOf: (service: string) => number | null,
    clock: Clock,
    looks = new BackgroundStat(clock),
  ) {
    this.#clock = clock;
    this.#report = report;
    this.#uidOf = uidOf;
    this.#stat = looks;
  }

  begin(service: string, generation: number, file: string): void {
    this.#watch(service, generation, file);
  }

  /**
   * Reports whether the file has changed. A file that disappears is no heartbeat; one that appears is. The first check
   * of a file that `begin` was not called for reports none. If the disk of the file does not answer, there is no
   * heartbeat either. If the paths of others keep opsd from looking, nothing is reported: the service is not to blame.
   */
  check(service: string, generation: number, file: string): void {
    const watched = this.#watched.get(service);
    if (watched?.generation !== generation || watched.file !== file) {
      this.#watch(service, generation, file);
      this.#report({ type: 'heartbeat_checked', service, generation, changed: false });
      return;
    }
    watched.asked = this.#stat.ask(file, watched.uid, (found, isMissing) => {
      if (this.#watched.get(service) !== watched) return;
      watched.asked = 'asked';
      this.#noteFolder(watched, isMissing);
      const now = signatureOf(found, watched);
      const before = watched.seen;
      watched.seen = now;
      const changed = before === undefined ? isFresh(now, watched, this.#clock.unix()) : isBeat(before, now);
      this.#report({ type: 'heartbeat_checked', service, generation, changed });
    });
    if (watched.asked === 'hangs') this.#report({ type: 'heartbeat_checked', service, generation, changed: false });
  }

  /** Why the heartbeat file cannot be checked now; null: it can. */
  whyUnchecked(service: string): string | null {
    const watched = this.#watched.get(service);
    if (watched === undefined || watched.asked === 'asked') return null;
    return watched.asked === 'hangs'
      ? `the file system of ${watched.file} does not answer: check it, or set heartbeat.file to another one`
      : `${watched.file} cannot be checked until other heartbeat files, of hanging file systems, answer; until then a lost heartbeat goes unnoticed`;
  }

  missingFolderOf(service: string): string | null {
    return this.#watched.get(service)?.missingFolder ?? null;
  }

  #watch(service: string, generation: number, file: string): void {
    const before = this.#watched.get(service);
    if (before !== undefined && before.file !== file) this.#stat.forget(before.file);
    const uid = process.geteuid?.() === 0 ? this.#uidOf(service) : null;
    const begunAt = this.#clock.unix();
    const watched: WatchedFile = {
      generation,
      file,
      uid,
      begunAt,
      seen: undefined,
      missingFolder: null,
      asked: 'asked',
    };
    this.#watched.set(service, watched);
    this.#stat.ask(file, uid, (found, isMissing) => {
      if (this.#watched.get(service) !== watched || watched.seen !== undefined) return;
      this.#noteFolder(watched, isMissing);
      const now = signatureOf(found, watched);
      watched.seen = isFresh(now, watched, this.#clock.unix()) ? null : now;
    });
  }

  #noteFolder(watched: WatchedFile, isFileMissing: boolean): void {
    if (!isFileMissing) watched.missingFolder = null;
    else {
      const folder = dirname(watched.file);
      this.#stat.ask(folder, watched.uid, (_found, isMissing) => {
        watched.missingFolder = isMissing ? folder : null;
      });
    }
  }
}

/**
 * Only a file that the service itself can have made is its heartbeat: a regular file of its user, or one of root that
 * others may write to. So a service learns nothing from a symlink to somebody else's file.
 */
function signatureOf(found: BigIntStats | null, { uid }: WatchedFile): FileSignature | null {
  if (!found?.isFile()) return null;
  const owner = Number(found.uid);
  const isTheirs = uid === null || uid === 0 || owner === uid || (owner === 0 && (Number(found.mode) & 0o022) !== 0);
  return isTheirs ? found : null;
}

/**
 * The first check may end after the service has written its first heartbeat: a file that was there before has an
 * earlier time, unless that lies in the future.
 */
function isFresh(now: FileSignature | null, { begunAt }: WatchedFile, wallNow: number): boolean {
  const changedAt = now === null ? 0 : Number(now.mtimeNs / 1_000_000n);
  return changedAt > begunAt && changedAt <= wallNow;
}

function isBeat(before: FileSignature | null, now: FileSignature | null): boolean {
  if (now === null) return false;
  return before === null || now.mtimeNs !== before.mtimeNs || now.ino !== before.ino || now.size !== before.size;
}
