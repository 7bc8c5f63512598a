// Has a heartbeat file changed since the last look? One stat a look, no watcher: a thousand beats cost nothing in between.

import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Heartbeats, Report } from '../../runtime/ports.ts';

/** What a beat changes. The times in it are only compared with themselves: they may lie in the future or go backwards. */
interface Signature {
  readonly mtimeNs: bigint;
  readonly ino: bigint;
  readonly size: bigint;
}

interface Watched {
  readonly generation: number;
  readonly file: string;
  /** null: there was no file. */
  seen: Signature | null;
}

export class HeartbeatFiles implements Heartbeats {
  readonly #report: Report;
  readonly #watched = new Map<string, Watched>();

  constructor(report: Report) {
    this.#report = report;
  }

  begin(service: string, generation: number, file: string): void {
    this.#watched.set(service, { generation, file, seen: sign(file) });
  }

  /** A file that disappears is no beat; one that appears is. The first look at a file that `begin` was not told of is none. */
  look(service: string, generation: number, file: string): void {
    const watched = this.#watched.get(service);
    if (watched?.generation !== generation || watched.file !== file) {
      this.begin(service, generation, file);
      this.#report({ type: 'looked', service, generation, changed: false });
      return;
    }
    const now = sign(file);
    const changed = now !== null && (watched.seen === null || differ(now, watched.seen));
    watched.seen = now;
    this.#report({ type: 'looked', service, generation, changed });
  }
}

/** The folder of a heartbeat file, where it does not exist: nobody can beat there. null: it does, or cannot be looked at. */
export function missingFolderOf(file: string): string | null {
  const folder = dirname(file);
  try {
    return statSync(folder, { throwIfNoEntry: false }) === undefined ? folder : null;
  } catch {
    return null;
  }
}

function sign(file: string): Signature | null {
  try {
    return statSync(file, { bigint: true, throwIfNoEntry: false }) ?? null;
  } catch {
    // ENOTDIR, EACCES, ELOOP: for opsd the same as no file, and the service is told so by being found silent.
    return null;
  }
}

function differ(a: Signature, b: Signature): boolean {
  return a.mtimeNs !== b.mtimeNs || a.ino !== b.ino || a.size !== b.size;
}
